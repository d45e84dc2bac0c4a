"""Who may see what, and who may decide. Pure; the processors check a decision again on their own."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from fnmatch import fnmatchcase

from api.inbox import Approval
from api.register import Entry
from infra.config import Config, Policy, Resource
from infra.config.policies import Review
from processors.approvals.stages import everyone
from schemas.vocabulary import ApprovalState, Principal, PrincipalKind, asked_by

_REVOCABLE = timedelta(days=1)  # after its deadline: how long the processors remember an approval


class Why(Enum):
    """Why somebody may not decide: it is not theirs to do, or there is nothing left to do."""

    FORBIDDEN = auto()
    TOO_LATE = auto()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps somebody from deciding, in words."""

    why: Why
    reason: str


@dataclass(slots=True)
class Access:
    """Who sees what under one configuration, whose rules may change."""

    auditors: frozenset[str]  # groups
    reviewed: Mapping[str, frozenset[str]]  # resource -> groups that review commands on it
    shown_to: Mapping[str, frozenset[str]] = field(default_factory=dict)  # resource -> who sees literals

    def follow(self, config: Config) -> None:
        """From now on these rules say who reviews what."""
        self.reviewed = _reviewed(config)

    def is_auditor(self, who: Principal) -> bool:
        return any(group in self.auditors for group in who.groups)

    def sees(self, who: Principal, approval: Approval) -> bool:
        """The requester, those who may review it, and auditors see an approval."""
        request = approval.request
        is_theirs = who.name.casefold() in asked_by(request.principal)
        return is_theirs or self.is_auditor(who) or _reviews(who, everyone(request))

    def opens(self, who: Principal, approval: Approval) -> bool:
        """A reviewer of it, in a group to which its resource shows them, sees its sensitive literals."""
        request = approval.request
        groups = self.shown_to.get(request.envelope.resource, frozenset())
        return (
            bool(request.sealed)
            and who.kind is PrincipalKind.PERSON
            and _reviews(who, everyone(request))
            and _reviews(who, groups)
        )

    def sees_session(self, who: Principal, principal: str, resource: str) -> bool:
        """Its own principal, those who review commands on its resource, and auditors see a session."""
        return who.name == principal or self.is_auditor(who) or resource in self.resources_reviewed(who)

    def resources_reviewed(self, who: Principal) -> frozenset[str]:
        """The resources whose commands this person reviews."""
        if who.kind is not PrincipalKind.PERSON:
            return frozenset()
        return frozenset(name for name, groups in self.reviewed.items() if _reviews(who, groups))


def access_of(config: Config) -> Access:
    """The rules of this configuration about who sees what."""
    return Access(
        frozenset(config.gateway.auditors),
        _reviewed(config),
        {resource.name: frozenset(resource.sensitive.shown_to) for resource in config.resources},
    )


def _reviewed(config: Config) -> Mapping[str, frozenset[str]]:
    return {
        resource.name: frozenset(
            group
            for policy in config.policies
            if policy.review is not None and _may_concern(policy, resource)
            for group in _reviewers(policy.review, resource)
        )
        for resource in config.resources
    }


def _reviewers(review: Review, resource: Resource) -> Iterator[str]:
    """The groups of all stages, and the owners where they are asked."""
    yield from (*review.reviewers, *review.all_of)
    yield from resource.owners if review.owners else ()
    for stage in review.then:
        yield from (*stage.reviewers, *stage.all_of)
    yield from review.escalation.to if review.escalation is not None else ()


def obstacle(who: Principal, approval: Approval, now: datetime) -> Obstacle | None:
    """What keeps `who` from deciding this approval now; None when nothing does."""
    request = approval.request
    if (forbidden := _not_theirs(who, approval)) is not None:
        return forbidden
    if approval.settlement is not None:
        return Obstacle(Why.TOO_LATE, f"It is settled: {how_it_ended(approval)}.")
    decision = approval.decision_of(who.name)
    if decision is not None:
        return Obstacle(Why.TOO_LATE, f"You have decided already: {decision.answer.value}.")
    if now >= request.expires_at:
        return Obstacle(Why.TOO_LATE, f"Its time ran out at {request.expires_at:%H:%M:%S} UTC.")
    return None


def obstacle_to_revoking(who: Principal, approval: Approval, now: datetime) -> Obstacle | None:
    """What keeps `who` from taking back that this was approved; None when nothing does."""
    if (forbidden := _not_theirs(who, approval)) is not None:
        return forbidden
    if approval.state is not ApprovalState.APPROVED:
        return Obstacle(Why.TOO_LATE, f"Only what was approved is revoked; it is {how_it_ended(approval)}.")
    if now >= approval.request.expires_at + _REVOCABLE:
        return Obstacle(Why.TOO_LATE, "It was approved so long ago that nothing of it runs any more.")
    return None


def obstacle_to_resuming(who: Principal, approval: Approval, now: datetime) -> Obstacle | None:
    """What keeps `who` from saying that this rejection counts no longer; None when nothing does."""
    if (forbidden := _not_theirs(who, approval)) is not None:
        return forbidden
    if now >= approval.request.expires_at + _REVOCABLE:
        return Obstacle(Why.TOO_LATE, "It was rejected so long ago that nobody is paused for it.")
    return None


def obstacle_to_ending(who: Principal, entry: Entry, administrators: Collection[str]) -> str:
    """What keeps `who` from revoking this grant; empty when nothing does: reviewers take back what they gave,
    and whoever has it may give it up."""
    issued = entry.issued
    is_theirs = who.name.casefold() in _holders(entry)
    if is_theirs or _reviews(who, administrators) or _reviews_as_person(who, issued.reviewers):
        return ""
    groups = " or ".join(issued.reviewers)
    return f"Only members of {groups}, administrators and {issued.envelope.principal} end this grant."


def sees_grant(access: Access, who: Principal, entry: Entry) -> bool:
    """Whoever has it, reviewers of its resource or its rule, and auditors see a grant."""
    issued = entry.issued
    return (
        who.name.casefold() in _holders(entry)
        or access.is_auditor(who)
        or _reviews(who, issued.reviewers)
        or issued.envelope.resource in access.resources_reviewed(who)
    )


def _holders(entry: Entry) -> frozenset[str]:
    issued = entry.issued
    return frozenset(name.casefold() for name in (issued.envelope.principal, issued.acts_for) if name)


def _reviews_as_person(who: Principal, groups: Collection[str]) -> bool:
    return who.kind is PrincipalKind.PERSON and _reviews(who, groups)


def _not_theirs(who: Principal, approval: Approval) -> Obstacle | None:
    request = approval.request
    if who.name.casefold() == request.principal.name.casefold():
        return Obstacle(Why.FORBIDDEN, "You asked for this yourself; somebody else must decide.")
    if who.name.casefold() in asked_by(request.principal):
        return Obstacle(Why.FORBIDDEN, f"{request.principal.name} acts for you; somebody else must decide.")
    if not _reviews(who, approval.deciders):
        groups = " or ".join(approval.deciders)
        return Obstacle(Why.FORBIDDEN, f"Only members of {groups} decide this; {who.name} is not one.")
    if who.kind is not PrincipalKind.PERSON:
        return Obstacle(Why.FORBIDDEN, f"Only persons decide; {who.name} is an {who.kind.value}.")
    return None


def how_it_ended(approval: Approval) -> str:
    """In words: "approved by dana", "timed out"."""
    settlement = approval.settlement
    if settlement is None:
        return "pending"
    state = settlement.state.value.replace("_", " ")
    return f"{state} by {' and '.join(settlement.decided_by)}" if settlement.decided_by else state


def _reviews(who: Principal, groups: Collection[str]) -> bool:
    return any(group in groups for group in who.groups)


def _may_concern(policy: Policy, resource: Resource) -> bool:
    """Whether the rule can match a command on this resource, whatever the command."""
    when = policy.when
    return _names(when.resources, resource.name) and _labels(when.labels, resource.labels)


def _names(patterns: Iterable[str] | None, name: str) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)


def _labels(wanted: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    return wanted is None or all(labels.get(key) == value for key, value in wanted.items())
