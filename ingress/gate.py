"""What may happen to a held command, as a table, and the checks of a verdict before it is believed.

    held ──review──▶ waiting
    held, waiting ──allow──▶ allowed ──release──▶ running ──finish──▶ finished
    held, waiting ──deny──▶ refused
    held, waiting, allowed ──abandon──▶ abandoned

A verdict is for one digest, until it expires, once. Everything else is refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ingress.command import Command
from schemas.events import ApprovalPending, CommandAllowed, CommandDenied, CommandRevoked, Event
from schemas.vocabulary import ApprovalState, Obligations


class State(StrEnum):
    HELD = "held"
    WAITING = "waiting"
    ALLOWED = "allowed"
    RUNNING = "running"
    FINISHED = "finished"
    REFUSED = "refused"
    ABANDONED = "abandoned"


class Signal(StrEnum):
    REVIEW = "review"
    ALLOW = "allow"
    DENY = "deny"
    RELEASE = "release"
    FINISH = "finish"
    ABANDON = "abandon"


TRANSITIONS: dict[tuple[State, Signal], State] = {
    (State.HELD, Signal.REVIEW): State.WAITING,
    (State.HELD, Signal.ALLOW): State.ALLOWED,
    (State.HELD, Signal.DENY): State.REFUSED,
    (State.HELD, Signal.ABANDON): State.ABANDONED,
    (State.WAITING, Signal.ALLOW): State.ALLOWED,
    (State.WAITING, Signal.DENY): State.REFUSED,
    (State.WAITING, Signal.ABANDON): State.ABANDONED,
    (State.ALLOWED, Signal.RELEASE): State.RUNNING,
    (State.ALLOWED, Signal.DENY): State.REFUSED,  # it expired before it could be used
    (State.ALLOWED, Signal.ABANDON): State.ABANDONED,
    (State.RUNNING, Signal.FINISH): State.FINISHED,
}

# After an approval's own deadline the verdict is given this long to arrive.
GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command does not run, for the client in its own protocol."""

    message: str
    hint: str
    rule: str = ""
    approval: str = ""
    state: str = ""  # how the approval ended, where there was one
    comment: str = ""
    missing: tuple[str, ...] = ()  # what the requester must say first
    retry_at: datetime | None = None  # when a budget has room again
    cancelled: bool = False  # the client itself took the command back


@dataclass(frozen=True, slots=True)
class Waiting:
    """The command waits for a reviewer."""

    approval: str
    rule: str
    reviewers: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """The approval or the grant by which the command runs was taken back, or the grant's time is over: it is
    to be stopped at once."""

    approval: str
    by: str
    comment: str
    grant: str = ""

    @property
    def words(self) -> str:
        """As in "dana revoked approval 0198f3c2: "wrong table""."""
        if self.grant and not self.by:
            return f"grant {self.grant} has ended: {self.comment}"
        said = f': "{self.comment}"' if self.comment else ""
        if self.grant:
            return f"{self.by} revoked grant {self.grant}{said}"
        return f"{self.by} revoked approval {self.approval}{said}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The command may run, under these obligations."""

    obligations: Obligations
    approval: str
    decided_by: tuple[str, ...]
    comment: str
    grant: str = ""
    break_glass: str = ""
    unattended: bool = False

    @property
    def approved_by(self) -> str:
        """As in "approved by dana, priya"."""
        if self.unattended:
            return "a rule, since no reviewer can be reached"
        return ", ".join(self.decided_by) or "timeout"

    @property
    def may_be_taken_back(self) -> bool:
        """Whether people let it through, or look at it afterwards: they can stop it until it has ended."""
        return bool(self.approval or self.grant or self.break_glass)


class NotPermitted(Exception):
    """The table has no such transition."""


class Gate:
    """One held command: what it waits for, and what may still happen to it."""

    def __init__(self, command: Command, deadline: datetime) -> None:
        self.command = command
        self.state = State.HELD
        self.deadline = deadline
        self.approval = ""
        self._valid_until: datetime | None = None
        self._revoked: Refusal | None = None

    def signal(self, signal: Signal) -> None:
        """Raises NotPermitted where the table has no such transition."""
        following = TRANSITIONS.get((self.state, signal))
        if following is None:
            raise NotPermitted(f"a command that is {self.state.value} cannot {signal.value}")
        self.state = following

    def permits(self, signal: Signal) -> bool:
        return (self.state, signal) in TRANSITIONS

    def hear(self, event: Event, now: datetime) -> Allowed | Refusal | Waiting | Revoked | None:
        """What a verdict means for this command; None for a repeat, a late or a foreign one."""
        match event:
            case ApprovalPending() if self.permits(Signal.REVIEW) and self._is_for_this(event.digest):
                self.signal(Signal.REVIEW)
                self.approval = event.approval
                self.deadline = event.expires_at + GRACE
                return Waiting(event.approval, event.rule, event.reviewers, event.expires_at)
            case CommandAllowed() if self.permits(Signal.ALLOW) and self._is_for_this(event.digest):
                if now >= event.expires_at:
                    return None  # its deadline refuses the command
                self.signal(Signal.ALLOW)
                self.approval = event.approval
                self._valid_until = event.expires_at
                return Allowed(
                    event.obligations,
                    event.approval,
                    event.decided_by,
                    event.comment,
                    event.grant,
                    event.break_glass,
                    event.unattended,
                )
            case CommandDenied() if self.permits(Signal.DENY) and self._is_for_this(event.digest):
                self.signal(Signal.DENY)
                return Refusal(
                    message=event.message,
                    hint=event.hint,
                    rule=event.rule,
                    approval=event.approval,
                    state=event.state.value if event.state else "",
                    comment=event.comment,
                    missing=event.missing,
                    retry_at=event.retry_at,
                )
            case CommandRevoked() if self._is_for_this(event.digest) and self.approval in (
                "",
                event.approval,
            ):
                return self._take_back(Revoked(event.approval, event.revoked_by, event.comment, event.grant))
        return None

    def _take_back(self, revoked: Revoked) -> Refusal | Revoked | None:
        """A command that runs is to be stopped; one that has not been sent is refused, now or when its turn
        comes."""
        if self.state is State.RUNNING:
            return revoked
        refusal = Refusal(
            message=f"refused: {revoked.words}",
            hint="Nothing was executed.",
            approval=revoked.approval,
            state=ApprovalState.REVOKED,
            comment=revoked.comment,
        )
        if self.state is State.ALLOWED:
            self._revoked = refusal
            return None
        if not self.permits(Signal.DENY):
            return None
        self.signal(Signal.DENY)
        return refusal

    def expired(self, now: datetime) -> Refusal | None:
        """Called right before the command would be sent to its target. A Refusal: it must not be."""
        in_time = self._valid_until is not None and now < self._valid_until
        if self.state is State.ALLOWED and in_time and self._revoked is None:
            return None
        self.signal(Signal.DENY)
        if self._revoked is not None:
            return self._revoked
        return Refusal(
            message="refused: the permission expired before the command could be run",
            hint="Nothing was executed. Send the command again.",
            approval=self.approval,
        )

    def _is_for_this(self, digest: str) -> bool:
        return digest == self.command.digest
