"""Proposed rules, until they are decided by or not. Pure; the log is the truth.

    PolicyProposed ──▶ pending ──┬─ another publisher approves ──▶ PolicySettled(published): in force
                                 ├─ another rejects ─────────────▶ PolicySettled(rejected)
                                 ├─ its author does ─────────────▶ PolicySettled(withdrawn)
                                 └─ others are published before ─▶ outdated

Every process reads the same log from its beginning, so all have the same rules in force. A publication names
the one whose place it takes: of two that come at once the first one read counts, and the other is outdated.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.envelope import envelope
from schemas.events import Event, PolicyProposed, PolicyReviewed, PolicySettled
from schemas.ids import derived_id
from schemas.vocabulary import Answer, Principal, PrincipalKind, ProposalState, asked_by

OPEN_FOR = timedelta(days=7)
"""How long a proposal may be approved."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal, and how it stands."""

    proposed: PolicyProposed
    state: ProposalState = ProposalState.PENDING
    settled: PolicySettled | None = None

    @property
    def id(self) -> str:
        return self.proposed.proposal

    @property
    def open_until(self) -> datetime:
        return self.proposed.envelope.time + OPEN_FOR


class Publications:
    """All proposals of one bundle, and the one in force."""

    def __init__(self) -> None:
        self._proposals: dict[str, Proposal] = {}
        self._in_force = ""

    @property
    def in_force(self) -> Proposal | None:
        """The proposal whose rules are decided by; None: those of the configuration file."""
        return self._proposals.get(self._in_force)

    def __iter__(self) -> Iterator[Proposal]:
        """The newest first."""
        return reversed(self._proposals.values())

    def find(self, prefix: str) -> list[Proposal]:
        """The proposals whose id is, or begins with, `prefix`."""
        return [proposal for id, proposal in self._proposals.items() if id.startswith(prefix)]

    def get(self, id: str) -> Proposal | None:
        return self._proposals.get(id)

    def apply(self, event: Event) -> None:
        """Takes in one event of the topic; a repeat changes nothing."""
        match event:
            case PolicyProposed():
                state = ProposalState.PENDING if event.base == self._in_force else ProposalState.OUTDATED
                self._proposals.setdefault(event.proposal, Proposal(event, state))
            case PolicySettled():
                self._settle(event)

    def _settle(self, event: PolicySettled) -> None:
        found = self._proposals.get(event.proposal)
        if found is None or found.state is not ProposalState.PENDING:
            return
        self._proposals[found.id] = replace(found, state=event.state, settled=event)
        if event.state is ProposalState.PUBLISHED:
            self._in_force = found.id
            for other in list(self._proposals.values()):
                if other.state is ProposalState.PENDING:
                    self._proposals[other.id] = replace(other, state=ProposalState.OUTDATED)


def settle(
    publications: Publications,
    event: PolicyReviewed,
    publishers: Collection[str],
    problems: Collection[str],
    node: str,
) -> PolicySettled | str:
    """What one person's answer makes of a proposal; or why it makes nothing of it. It has ended when that
    event is read back. `problems`: what keeps the proposed rules from being decided by."""
    found = publications.get(event.proposal)
    if found is None:
        return "there is no such proposal"
    if reason := why_not(found, event.reviewer, event.answer, event.digest, publishers, event.envelope.time):
        return reason
    proposed, comment = found.proposed, event.comment
    if event.answer is Answer.APPROVE:
        state = ProposalState.PUBLISHED
        if problems:
            state, comment = ProposalState.REJECTED, f"it cannot be used: {'; '.join(problems)}"
    else:
        is_own = event.reviewer.name.casefold() in asked_by(proposed.author)
        state = ProposalState.WITHDRAWN if is_own else ProposalState.REJECTED
    return PolicySettled(
        envelope=envelope(event.envelope.time, node, id=derived_id("policy settled", found.id)),
        bundle=proposed.bundle,
        proposal=found.id,
        state=state,
        digest=proposed.digest,
        base=proposed.base,
        decided_by=(event.reviewer.name,),
        comment=comment,
    )


def why_not(
    proposal: Proposal,
    who: Principal,
    answer: Answer,
    digest: str,
    publishers: Collection[str],
    now: datetime,
) -> str:
    """Why this person's answer to a proposal does not count; empty when it does."""
    proposed = proposal.proposed
    if proposal.state is not ProposalState.PENDING:
        return f"it is {proposal.state.value}"
    if now >= proposal.open_until:
        return f"it was open until {proposal.open_until:%Y-%m-%d %H:%M} UTC"
    if reason := why_no_publisher(who, publishers):
        return reason
    if reason := why_no_publisher(proposed.author, publishers):
        return f"its author may not publish: {reason}"
    if answer is Answer.REVOKE:
        return "published rules are not revoked: other rules take their place"
    if digest != proposed.digest or digest != digest_of(proposed.text):
        return "these are not the rules that were shown"
    if answer is Answer.APPROVE and asked_by(who) & asked_by(proposed.author):
        return "nobody approves their own rules"
    return ""


def why_no_publisher(who: Principal, publishers: Collection[str]) -> str:
    """Why somebody neither proposes rules nor decides on them; empty when they do."""
    if not publishers:
        return "rules are published by the configuration file alone: gateway.policies names nobody"
    if who.kind is not PrincipalKind.PERSON:
        return "only a person does"
    if set(who.groups).isdisjoint(publishers):
        return f"only members of {' or '.join(publishers)} do"
    return ""


def digest_of(text: str) -> str:
    """What a decision on these rules is for."""
    return hashlib.sha256(text.encode()).hexdigest()
