"""Somebody asks beforehand for a window of time -> a request for review, or its refusal."""

from datetime import datetime, timedelta

from processors.policy.bundle import Bundle
from processors.policy.command import Command
from processors.policy.decision import decide
from processors.policy.rule import Review
from processors.policy.rules import Decision
from schemas.digest import command_digest
from schemas.envelope import envelope
from schemas.events import AccessRequested, ApprovalRequested, ApprovalSettled, Event
from schemas.ids import derived_id
from schemas.vocabulary import (
    Access,
    ApprovalState,
    Facts,
    Fallback,
    GrantKind,
    Obligations,
    Stage,
    Verdict,
)


def ask(event: AccessRequested, bundle: Bundle, now: datetime, node: str) -> tuple[Event, ...]:
    """The request for review, under the rules that review commands of these intents. What reviewers cannot
    grant is on record as rejected at once, by the rule or by none."""
    facts = Facts(intents=tuple(sorted(set(event.intents))))
    decision, refused = _decide(event, facts, bundle, now)
    terms = decision.review
    access = event.access
    asked = ApprovalRequested(
        envelope=envelope(
            now,
            node,
            id=derived_id("approval requested", event.approval),
            command=event.envelope.command,
            principal=event.principal.name,
            resource=event.envelope.resource,
            trace=event.envelope.trace,
        ),
        approval=event.approval,
        principal=event.principal,
        protocol="",
        text=in_words(event),
        parameters=(),
        sealed=b"",
        digest=_digest(event),
        context=(),
        facts=facts,
        client_address=event.client_address,
        rule=decision.rule,
        policy_version=bundle.version,
        reviewers=terms.reviewers if terms is not None and not refused else (),
        approvals=terms.approvals if terms is not None else 1,
        expires_at=min(now + timedelta(seconds=terms.timeout if terms is not None else 0), _end(access)),
        on_timeout=Fallback.DENY,  # time alone gives nobody a window
        valid_for=access.seconds,
        obligations=Obligations(),
        reply_to=0,
        reason=event.reason,
        ticket=event.ticket,
        hold=False,
        all_of=terms.all_of if terms is not None else (),
        rules=decision.rules,
        access=access,
    )
    return (asked,) if not refused else (asked, _refusal(asked, refused))


def in_words(event: AccessRequested) -> str:
    """What reviewers read in the place of a command."""
    access = event.access
    begins = "" if access.starts_at is None else f" from {access.starts_at.isoformat(timespec='minutes')}"
    what = ", ".join(sorted(event.intents))
    minutes = access.seconds / 60
    return f"access to {event.envelope.resource} for {minutes:g} minutes{begins}: {what}"


def _decide(event: AccessRequested, facts: Facts, bundle: Bundle, now: datetime) -> tuple[Decision, str]:
    """What the rules say about any command of these intents, and why no window can be granted for them."""
    resource = bundle.resources.get(event.envelope.resource)
    if resource is None:
        return Decision(Verdict.DENY, ""), "there is no such resource"
    command = Command(
        event.principal,
        resource,
        "",
        facts,
        {},
        event.client_address,
        reason=event.reason,
        ticket=event.ticket,
    )
    decision = decide(command, bundle.rules, now)
    return decision, _why_not(decision, event.access, now)


def _why_not(decision: Decision, access: Access, now: datetime) -> str:
    review: Review | None = decision.review
    if decision.verdict is Verdict.DENY:
        return decision.message
    if review is None:
        return "the rules allow this without a review: nothing needs to be granted"
    if review.grants is None or GrantKind.WINDOW not in review.grants.kinds:
        return "the rule permits no grants of kind window"
    if not 0 < access.seconds <= review.grants.seconds:
        return f"the rule permits grants of at most {review.grants.seconds:g} seconds"
    if _end(access) <= now:
        return "this window is over"
    return ""


def _end(access: Access) -> datetime:
    """When the window is over at the latest; far away where its time begins with the approval."""
    return _NEVER if access.starts_at is None else access.starts_at + timedelta(seconds=access.seconds)


_NEVER = datetime.fromisoformat("9999-12-31T00:00:00+00:00")


def _digest(event: AccessRequested) -> str:
    return command_digest(
        stage=Stage.EXECUTE,
        principal=event.principal.name,
        resource=event.envelope.resource,
        text=f"{event.approval}: {in_words(event)}",
        parameters=(),
        context=(),
    )


def _refusal(asked: ApprovalRequested, why: str) -> ApprovalSettled:
    about = asked.envelope
    return ApprovalSettled(
        envelope=envelope(
            about.time,
            about.node,
            id=derived_id("approval settled", asked.approval),
            command=about.command,
            principal=about.principal,
            resource=about.resource,
            trace=about.trace,
        ),
        approval=asked.approval,
        state=ApprovalState.REJECTED,
        rule=asked.rule,
        decided_by=(),
        comment=why,
        requested_at=about.time,
        digest=asked.digest,
    )
