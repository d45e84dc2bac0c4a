"""The rules in force, and the way to others: one person proposes, another approves, the processors settle.

What is in force is read from the same log as the processors read; nothing here puts a rule in force.
"""

import asyncio
import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from api.access import Access
from api.cli.config import names
from api.problems import Problem, key_used, unavailable
from infra.clock import Clock
from infra.config import Config, ConfigError, Policy
from infra.kafka.bus import Bus, BusUnavailable, Received
from infra.kafka.following import Following
from processors.policy.bundle import BUNDLE
from processors.policy.publishing import Proposal, Publications, digest_of, why_no_publisher, why_not
from schemas.envelope import envelope
from schemas.events import Event, PolicyProposed, PolicyPublished, PolicyReviewed
from schemas.ids import derived_id, uuid7
from schemas.topics import POLICIES, PROPOSALS
from schemas.vocabulary import Answer, Principal, PrincipalKind, ProposalState

LONGEST = 50_000  # characters of proposed rules


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules that are decided by. `proposal` None: those of the configuration file."""

    text: str
    policies: tuple[Policy, ...]
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What one person says to a proposal. `digest`: of the text that was shown to them."""

    answer: Answer
    digest: str
    comment: str


@dataclass(slots=True)
class Publishing:
    """The proposals, kept up to date while `run` runs. Whatever is asked of it raises Problem."""

    config: Config
    bus: Bus
    access: Access
    node: str
    clock: Clock
    within: timedelta  # how long the processors may take to answer
    in_force: InForce = field(init=False)
    _publications: Publications = field(init=False, default_factory=Publications)
    _taken_over: set[str] = field(init=False, default_factory=set)
    _following: Following = field(init=False)
    _workers: Following = field(init=False)
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.in_force = InForce(self.config.written_rules, self.config.policies)
        self._following = Following(self.bus, PROPOSALS, None, self._take, self.clock)
        self._workers = Following(self.bus, POLICIES, self.within, self._take_over, self.clock)

    @property
    def publishers(self) -> tuple[str, ...]:
        """The groups whose members propose and approve; none: the file's rules are in force for good."""
        return self.config.gateway.policies.published_by

    async def run(self) -> None:
        """Follows the proposals until it is cancelled. Raises ConfigError for rules that cannot be read."""
        if not self.publishers:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._following.run())
            tasks.create_task(self._workers.run())
            tasks.create_task(self._keep_up())

    def current(self, who: Principal) -> InForce:
        """The rules in force, for persons."""
        _for_persons(who)
        self._must_be_current()
        return self.in_force

    def proposals(self, who: Principal) -> list[Proposal]:
        """The newest first, for persons."""
        _for_persons(who)
        self._must_be_current()
        return list(self._publications)

    def find(self, given: str, who: Principal) -> Proposal:
        """The proposal with this id, or whose id begins so."""
        _for_persons(who)
        self._must_be_current()
        found = self._publications.find(given.lower())
        if len(found) != 1:
            raise _not_one(given, len(found))
        return found[0]

    def problems(self, text: str) -> list[str]:
        """What keeps these rules from being decided by, a line each with its place; takes a moment."""
        try:
            self.read(text)
        except ConfigError as error:
            return error.problems
        return []

    def read(self, text: str) -> Config:
        """The configuration with these rules in force. Raises ConfigError."""
        # Here, not above: what tries an expression takes time and memory, and few processes need it.
        from processors.configured import with_rules

        return with_rules(self.config, text, names())

    def diff(self, text: str) -> str:
        """What this text changes of the rules in force, as a unified diff."""
        before, after = self.in_force.text.split("\n"), text.split("\n")
        return "\n".join(difflib.unified_diff(before, after, "in force", "proposed", lineterm=""))

    def obstacle(self, who: Principal, proposal: Proposal, answer: Answer) -> str:
        """Why this person's answer would not count; empty when it would."""
        return why_not(proposal, who, answer, proposal.proposed.digest, self.publishers, self.clock())

    def obstacle_to_proposing(self, who: Principal) -> str:
        """Why this person proposes no rules; empty when they may."""
        return why_no_publisher(who, self.publishers)

    async def propose(self, who: Principal, text: str, comment: str, key: str | None = None) -> Proposal:
        """Puts rules before another person; again by the same `key`, it is the same proposal.

        403 not theirs to propose, 409 they are in force, 422 they cannot be used.
        """
        self._must_be_current()
        if reason := self.obstacle_to_proposing(who):
            raise not_theirs("not-yours-to-propose", reason)
        now = self.clock()
        id = derived_id("proposal", who.name, uuid7(now) if key is None else key)
        if (same := self._publications.get(id)) is not None:
            if same.proposed.text != text:
                raise key_used()
            return same
        if problems := await asyncio.to_thread(self.problems, text):
            raise unusable(problems)
        diff, base = self.diff(text), self.in_force.proposal
        if not diff:
            raise Problem(
                HTTPStatus.CONFLICT, "nothing-changed", "These rules are in force.", "Nothing was proposed."
            )
        event = PolicyProposed(
            envelope=envelope(now, self.node, principal=who.name),
            bundle=BUNDLE,
            proposal=id,
            author=who,
            text=text,
            digest=digest_of(text),
            base=base.id if base is not None else "",
            diff=diff,
            comment=comment,
        )
        return await self._said(event, event.proposal, lambda found: True)

    async def decide(self, given: str, who: Principal, answered: Answered) -> Proposal:
        """Publishes the answer and waits until it is settled and, where it was published, in force.

        403 not theirs to decide, 409 nothing left to decide or other rules than were shown.
        """
        found = self.find(given, who)
        proposed, now = found.proposed, self.clock()
        if reason := why_not(found, who, answered.answer, answered.digest, self.publishers, now):
            if found.state is not ProposalState.PENDING or answered.digest != proposed.digest:
                raise _too_late(found, reason)
            raise not_theirs("not-yours-to-decide", reason)
        event = PolicyReviewed(
            envelope=envelope(now, self.node, principal=proposed.author.name),
            bundle=proposed.bundle,
            proposal=found.id,
            reviewer=who,
            answer=answered.answer,
            digest=answered.digest,
            comment=answered.comment,
        )
        return await self._said(event, found.id, self._is_settled)

    async def _said(self, event: Event, id: str, is_done: Callable[[Proposal], bool]) -> Proposal:
        """Publishes an event about a proposal, and waits for what comes of it."""
        try:
            await self.bus.publish_durably(event)
            async with asyncio.timeout(self.within.total_seconds()):
                while (found := self._publications.get(id)) is None or not is_done(found):
                    changed = self._changed
                    await changed.wait()
        except BusUnavailable as error:
            raise unavailable(str(error)) from error
        except TimeoutError as error:
            raise _no_answer(id, self.within) from error
        return found

    def _is_settled(self, proposal: Proposal) -> bool:
        """Whether it has ended; where it was published, a worker decides by it, and it is shown here."""
        if proposal.state is ProposalState.PUBLISHED:
            return proposal.id in self._taken_over and self._is_shown
        return proposal.state is not ProposalState.PENDING

    async def _keep_up(self) -> None:
        """Reads the rules in force whenever they are others, but none of those that no longer are."""
        await self._following.read_up.wait()
        while True:
            changed, found = self._changed, self._publications.in_force
            if found is None or self._is_shown:
                await changed.wait()
                continue
            text = found.proposed.text
            config = await asyncio.to_thread(self.read, text)
            self.in_force = InForce(text, config.policies, found)
            self.access.follow(config)
            self._tell()

    @property
    def _is_shown(self) -> bool:
        found, shown = self._publications.in_force, self.in_force.proposal
        return (found.id if found is not None else "") == (shown.id if shown is not None else "")

    def _take(self, received: Received) -> None:
        self._publications.apply(received.event)
        self._tell()

    def _take_over(self, received: Received) -> None:
        if isinstance(received.event, PolicyPublished):
            self._taken_over.add(received.event.proposal)
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _must_be_current(self) -> None:
        if self.publishers and not (self._following.is_current and self._is_shown):
            raise unavailable("The rules in force cannot be read from Kafka now.")


def _for_persons(who: Principal) -> None:
    if who.kind is not PrincipalKind.PERSON:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "for-persons",
            "The rules are shown to persons.",
            "A refusal names the rule, and what to do.",
        )


def unusable(problems: list[str]) -> Problem:
    """Rules that nobody can decide by. `problems`: a line each."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "rules-unusable",
        "\n".join(problems),
        "Nothing was changed. Mend the lines that are named.",
        extra={"problems": problems},
    )


def not_theirs(kind: str, reason: str) -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN, kind, f"Not yours to do: {reason}.", "Nothing was changed. Ask one who may."
    )


def _too_late(proposal: Proposal, reason: str) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "nothing-to-decide",
        f"Proposal {proposal.id[:8]} cannot be decided: {reason}.",
        "Nothing was changed. Look at the proposal again, or propose the rules anew.",
        extra={"proposal": proposal.id, "state": proposal.state.value},
    )


def _not_one(given: str, count: int) -> Problem:
    if count:
        return Problem(
            HTTPStatus.CONFLICT,
            "ambiguous-proposal",
            f"{count} proposals begin with {given}.",
            "Give more characters of the id.",
        )
    return Problem(
        HTTPStatus.NOT_FOUND,
        "unknown-proposal",
        f"There is no proposal {given}.",
        "Check the id; `GET /api/policies/proposals` lists all.",
    )


def _no_answer(proposal: str, within: timedelta) -> Problem:
    return Problem(
        HTTPStatus.GATEWAY_TIMEOUT,
        "no-answer-yet",
        f"What you said is recorded, the processors have not answered within {within.total_seconds():g} s.",
        "Do not say it again: look at the proposal in a moment. If it stays pending, see to the processors.",
        extra={"proposal": proposal},
    )
