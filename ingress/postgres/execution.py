"""One command on its way: held, sent, answered. And the answers that the target still owes."""

from dataclasses import dataclass, field
from enum import Enum, auto

from ingress.command import Command
from ingress.gate import Allowed, Refusal
from ingress.interface import Finish
from ingress.postgres.codec import Message
from ingress.postgres.facts import Statement
from ingress.postgres.limits import Stop
from ingress.postgres.messages import Bind
from ingress.postgres.namespace import Change, Namespace, Portal, Prepared
from ingress.postgres.results import ResultMasker
from ingress.postgres.sql.held import Held
from schemas.vocabulary import Intent, Outcome, Stage

_READS = frozenset((Intent.READ, Intent.SESSION))


@dataclass(eq=False, slots=True)
class Execution:
    """A command and what became of it. `statement` is None for what the gateway refuses anyway."""

    command: Command
    statement: Statement | None
    source: str = ""  # the text that the statement is one of
    number: int = 0  # which one of them
    held: Held | None = None  # what was known of tokens in it
    prepared: Prepared | None = None  # of the extended protocol
    bind: Bind | None = None  # what its parameters were bound to
    snapshot: str = ""  # the version of the catalogue it was judged by
    masker: ResultMasker | None = None
    recorded: ResultMasker | None = None  # for the recording, where the client's answer is unmasked
    allowed: Allowed | None = None
    rows: int = 0
    bytes: int = 0
    stopped: Stop | None = None  # the limit at which the answer was cut off
    turn: int = 0  # how often it was sent: a portal read in steps, each step
    alone: bool = False  # the first that runs of its series
    outcome: Outcome = Outcome.UNKNOWN  # once it has ended
    changed: int = 0  # rows that it returned or changed, as far as it has been answered

    def become(self, now: "Execution") -> None:
        """It has not been sent, and is another command by now: nothing is decided about it."""
        self.command, self.statement, self.snapshot = now.command, now.statement, now.snapshot
        self.held, self.allowed = now.held, None

    @property
    def is_limited(self) -> bool:
        """Its answer may be cut off."""
        if self.allowed is None:
            return False
        duty = self.allowed.obligations
        return duty.rows is not None or duty.bytes is not None or duty.seconds is not None

    @property
    def only_reads(self) -> bool:
        """It is proven to change nothing at the target."""
        return _READS.issuperset(self.command.facts.intents)

    @property
    def runs(self) -> bool:
        """It is to be executed, not only prepared."""
        return self.command.stage is Stage.EXECUTE

    @property
    def unsettles(self) -> bool:
        """What names mean may be something else after it."""
        statement = self.statement
        return statement is not None and (
            statement.changes_context or statement.changes_catalogue or statement.changes_settings
        )

    @property
    def at_commit(self) -> bool:
        """It ran, or is to run, before its review, which is that of its transaction's COMMIT."""
        return self.allowed is not None and self.allowed.obligations.at_commit

    @property
    def copies(self) -> bool:
        """It is a COPY, during which the target ignores Sync (55.2.6)."""
        return "copy" in self.command.facts.statements


def only_prepared(execution: Execution) -> Finish:
    """The end of a preparation: nothing runs, and nothing is owed."""
    return Finish(execution.command.id, Outcome.SUCCEEDED, 0, 0, "", "", ())


def lost(execution: Execution, reason: str) -> Finish:
    """The end of what was sent and is never answered."""
    return Finish(
        execution.command.id,
        Outcome.UNKNOWN,
        execution.rows,
        execution.bytes,
        "",
        f"no answer: {reason}",
        execution.masker.masked() if execution.masker is not None else (),
    )


class Kind(Enum):
    """What the target will answer to what it was sent."""

    QUERY = auto()  # answers of each statement, then ReadyForQuery
    PARSE = auto()
    BIND = auto()
    CLOSE = auto()
    DESCRIBE_STATEMENT = auto()
    DESCRIBE_PORTAL = auto()
    EXECUTE = auto()
    SYNC = auto()  # ReadyForQuery
    LOCAL = auto()  # nothing: `data` is for the client when its turn comes
    REFUSED = auto()  # an error made on purpose; the client gets `data` in its place


@dataclass(eq=False, slots=True)
class Answer:
    """What the target answers to a question of the gateway's own. `is_duty`: without it nothing may run."""

    is_duty: bool = False
    rows: list[tuple[bytes | None, ...]] = field(default_factory=list)
    error: Message | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """What fails at the target in place of an execution, and the error that the client gets then."""

    execution: Execution
    error: bytes


@dataclass(eq=False, slots=True)
class Expected:
    """One answer that the target owes. `quiet`: it is the gateway's own and not for the client."""

    kind: Kind
    executions: list[Execution] = field(default_factory=list)  # QUERY: one a statement; EXECUTE: one
    data: bytes = b""
    change: Change | None = None
    prepared: Prepared | None = None
    portal: Portal | None = None
    quiet: bool = False
    answer: Answer | None = None  # to the gateway's own question; SYNC: its error is the client's
    guard: Guard | None = None
    call: bytes = b""  # QUERY: of a fast-path call, the body of a RowDescription of its one value
    ready: bool = False  # LOCAL: ReadyForQuery follows
    as_query: bool = False  # it is sent for a simple query: the client does not know of what it confirms
    must_end: bool = False  # QUERY: the transaction may be open that the gateway began before it


@dataclass(eq=False, slots=True)
class Ending:
    """How far the question about a transaction's end has come. `locks`, `changed`: what the transaction keeps
    locked, and the rows it changed, as the target says; None: not asked. `columns`: of the changed tables,
    where rows of them are to be shown, which `sampling` finds."""

    locks: Answer | None = None
    changed: Answer | None = None
    columns: Answer | None = None
    sampling: object | None = None
    is_asked: bool = False


@dataclass(eq=False, slots=True)
class Group:
    """Messages that go to the target together, once every command in them may run."""

    messages: list[bytes] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)  # ids of commands without a verdict
    refusal: tuple[str, Refusal] | None = None  # the command refused, and why
    error: bytes = b""  # an ErrorResponse of the gateway's, whatever the verdict
    fails: bool = False  # one that the target would have made, too: an open transaction must fail by it
    simple: bool = False  # a simple query: a refusal is followed by ReadyForQuery
    syncs: bool = False  # ends a series of extended-protocol messages
    estimates: object | None = None  # what the target's planner was asked about it
    judged_again: int = 0  # how often its names meant something else when its turn came
    undecided: bool = False  # holds a Parse or Bind that no verdict covers yet
    ends: Ending | None = None  # it may end a transaction that is held for review: asked about in its turn
    rolls_back: bool = False  # refused, it makes its transaction be rolled back

    @property
    def size(self) -> int:
        """Bytes for the target."""
        return sum(map(len, self.messages))

    @property
    def only_syncs(self) -> bool:
        """Whether it is a Sync and nothing else."""
        return self.syncs and all(expected.kind is Kind.SYNC for expected in self.expected)

    def all_executions(self) -> list[Execution]:
        """What it asks about, and portals that go on, which were asked about before."""
        going_on = [one for expected in self.expected for one in expected.executions]
        return [*self.executions, *(one for one in going_on if one not in self.executions)]


def take_back(names: Namespace, group: Group) -> None:
    """The group is not sent: what it would have prepared or closed stays as it was."""
    for expected in group.expected:
        if expected.change is not None:
            names.take_back(expected.change)
