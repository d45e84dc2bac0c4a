"""CommandRequested -> the events that answer it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from processors.grants.grant import Grant
from processors.grants.granted import Granted, find, use
from processors.masking.plan import make_plan
from processors.policy.break_glass import REVIEWED_WITHIN, breaks_glass
from processors.policy.budgets import Account, Drawn, draw, in_words, room_time
from processors.policy.bundle import Bundle
from processors.policy.command import command_of
from processors.policy.commit import runs_first
from processors.policy.decision import decide
from processors.policy.rule import Limits, Measure, Review
from processors.policy.rules import Decision, strictest_terms
from schemas.envelope import envelope_about
from schemas.events import (
    ApprovalPending,
    ApprovalRequested,
    CommandAllowed,
    CommandDenied,
    CommandRequested,
    Event,
)
from schemas.ids import approval_id, derived_id
from schemas.vocabulary import Fallback, LimitSource, Obligations, Stage, Verdict

ALLOWED_FOR = timedelta(seconds=60)
"""How long an allow without a reviewer may be used."""

REVIEWABLE = 1_000_000
"""Bytes of a request above which nobody is asked to review it: no person reads that much."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What follows from one request, in the order in which it must become durable."""

    events: tuple[Event, ...]
    failed: tuple[str, ...] = ()  # rules whose expression had no answer: "name: why"
    account: Account | None = None  # of the principal, after the command drew on its budgets
    granted: Granted | None = None  # to the principal, after the command used one of the grants
    asks: ApprovalRequested | None = None  # no answer yet: it is for whoever keeps the standing approvals
    is_for_accounts: bool = False  # no answer yet: it is for whoever keeps the principal's account and grants


def answer(
    request: CommandRequested,
    size: int,
    bundle: Bundle,
    now: datetime,
    node: str,
    account: Account | None = None,
    granted: Granted | None = None,
) -> Answer:
    """The verdict on a request of `size` bytes; nothing when its deadline is over.

    A command whose rules have budgets, or that may be granted, is answered where its principal's `account`
    and what was `granted` are at hand. A preparation executes nothing: where the rules say review, it is let
    through, and the execution is what waits for a reviewer.
    """
    if now >= request.deadline:
        return Answer(())  # the ingress refused it at its deadline and said so
    resource = bundle.resources.get(request.envelope.resource)
    if resource is None:
        return Answer((_denied(request, bundle, now, node, _NO_RESOURCE),))
    decision = decide(command_of(request, resource), bundle.rules, now)
    may_be_granted = decision.review is not None and decision.review.grants is not None and not request.unmask
    if (decision.budgets or may_be_granted) and request.stage is not Stage.PREPARE and account is None:
        return Answer((), decision.failed, is_for_accounts=True)
    grant = None
    if may_be_granted and granted is not None:
        grant = find(granted, request, decision.rules, now)
    reviewed = decision
    at_commit = runs_first(decision, request.facts, holds_commit=request.holds_commit)
    if grant is not None or at_commit:
        decision = replace(decision, verdict=Verdict.ALLOW, review=None)
    if decision.budgets and account is not None:
        account, drawn = draw(
            account,
            request.envelope.command,
            decision.budgets,
            decision.limits,
            reviewed=decision.verdict is Verdict.REVIEW,
            deadline=request.deadline,
            now=now,
        )
        if drawn.refused is not None:
            grant, decision = None, reviewed
        decision = _within_budget(decision, drawn, is_unmasked=bool(request.unmask))
    if decision.verdict is Verdict.REVIEW and request.stage is not Stage.PREPARE and size > REVIEWABLE:
        decision = Decision(
            Verdict.DENY, decision.rule, _TOO_LONG_TO_REVIEW, _SPLIT_IT, failed=decision.failed
        )
    if decision.verdict is Verdict.DENY:
        return Answer((_denied(request, bundle, now, node, decision),), decision.failed, account)
    obligations = obligations_of(request, bundle, decision.limits, decision.limited_by)
    if at_commit and decision.verdict is Verdict.ALLOW:
        held = LimitSource("at_commit", decision.rule)
        sample = reviewed.review.sample if reviewed.review is not None else 0
        obligations = replace(
            obligations, at_commit=True, sample=sample, limited_by=(*obligations.limited_by, held)
        )
    if grant is not None and granted is not None:
        granted, at = use(granted, grant, request, now)
        allowed = _allowed(request, bundle, at, node, decision.rule, obligations)
        return Answer((_under(allowed, grant),), decision.failed, account, granted)
    if decision.review is None or request.stage is Stage.PREPARE:
        events: tuple[Event, ...] = (_allowed(request, bundle, now, node, decision.rule, obligations),)
    else:
        shown = replace(obligations, unmasked=request.unmask)
        asked = _review(request, bundle, now, node, decision, decision.review, shown)
        if breaks_glass(request, decision.review):
            return Answer(_at_once(asked, request, bundle, now, node), decision.failed, account)
        if not asked.hold:
            return Answer((), decision.failed, account, asks=asked)
        events = (asked, _pending(asked))
    return Answer(events, decision.failed, account)


def _within_budget(decision: Decision, drawn: Drawn, *, is_unmasked: bool) -> Decision:
    """The decision after what the budgets say: a command may use what it reserved, or is over. The reviewers
    of a budget are not those of an unmasked answer: over a budget there is none."""
    refused = drawn.refused
    if refused is None:
        return replace(
            decision,
            limits=replace(
                decision.limits,
                rows=drawn.reserved.get(Measure.ROWS, decision.limits.rows),
                bytes=drawn.reserved.get(Measure.BYTES, decision.limits.bytes),
            ),
            limited_by=(*_budget_sources(decision, drawn), *decision.limited_by),
        )
    message, hint = in_words(refused)
    if refused.over is Verdict.DENY or is_unmasked:
        denied = Decision(Verdict.DENY, refused.rule, message, hint, failed=decision.failed)
        return replace(denied, retry_at=room_time(refused))
    asked = next(entry.review for entry in decision.budgets if entry.rule == refused.rule)
    assert asked is not None
    named, review = strictest_terms(
        [(refused.rule, asked), *([(decision.rule, decision.review)] if decision.review is not None else [])]
    )
    # A grant stands for the review that a rule asks for, not for room in a budget.
    return replace(decision, verdict=Verdict.REVIEW, rule=named, review=replace(review, grants=None))


def _budget_sources(decision: Decision, drawn: Drawn) -> tuple[LimitSource, ...]:
    """Which rule's budget set a limit that is tighter than the rules' own."""
    tighter = [name for name, most in drawn.reserved.items() if getattr(decision.limits, name) != most]
    return tuple(
        LimitSource(name, next(rule for rule, budget in drawn.budgets if budget.measure == name))
        for name in tighter
    )


def refusal(request: CommandRequested, bundle: Bundle, now: datetime, node: str) -> CommandDenied:
    """The answer when the gateway itself failed to judge the command."""
    return _denied(request, bundle, now, node, _FAILED)


def verdict_id(command: str) -> str:
    """The event id of the one verdict that lets a command through or refuses it."""
    return derived_id("verdict", command)


def obligations_of(
    event: CommandRequested | ApprovalRequested,
    bundle: Bundle,
    limits: Limits,
    limited_by: tuple[LimitSource, ...],
) -> Obligations:
    """What an ingress must do that forwards the command of this event, whose resource is in the bundle."""
    resource = bundle.resources[event.envelope.resource]
    return Obligations(
        masking=_plan(event.facts, resource.columns, resource.detectors),
        rows=limits.rows,
        bytes=limits.bytes,
        seconds=limits.seconds,
        cost=limits.cost,
        read_only=limits.read_only,
        limited_by=limited_by,
        block=limits.block,
    )


# The same statement comes again and again, and its facts are equal each time.
_plan = lru_cache(maxsize=512)(make_plan)

_NO_RESOURCE = Decision(
    Verdict.DENY,
    "",
    "the policy does not know this resource",
    "Nothing was executed. Start the gateway's processes with the same configuration file.",
)
_FAILED = Decision(
    Verdict.DENY,
    "",
    "the gateway failed to judge this command",
    "Nothing was executed. The processors' log says what went wrong.",
)
_TOO_LONG_TO_REVIEW = "this command needs a review and is too long for a reviewer to read"
_SPLIT_IT = "Nothing was executed. Split it into smaller commands."


def _allowed(
    request: CommandRequested,
    bundle: Bundle,
    now: datetime,
    node: str,
    rule: str,
    obligations: Obligations,
) -> CommandAllowed:
    return CommandAllowed(
        envelope=envelope_about(request.envelope, now, node, id=verdict_id(request.envelope.command)),
        digest=request.digest,
        rule=rule,
        policy_version=bundle.version,
        expires_at=now + ALLOWED_FOR,
        obligations=obligations,
        approval="",
        decided_by=(),
        comment="",
    )


def _at_once(
    asked: ApprovalRequested, request: CommandRequested, bundle: Bundle, now: datetime, node: str
) -> tuple[Event, ...]:
    """What runs by break-glass: first it is on record that it is to be reviewed."""
    afterwards = replace(
        asked,
        afterwards=True,
        hold=False,
        expires_at=now + REVIEWED_WITHIN,
        on_timeout=Fallback.DENY,
        grants=None,
        escalates_at=None,
        escalates_to=(),
    )
    allowed = _allowed(request, bundle, now, node, asked.rule, asked.obligations)
    return afterwards, replace(allowed, break_glass=asked.approval)


def _under(allowed: CommandAllowed, grant: Grant) -> CommandAllowed:
    """The verdict by a grant, which does not outlive it."""
    issued = grant.issued
    return replace(
        allowed,
        expires_at=min(allowed.expires_at, issued.expires_at),
        decided_by=issued.decided_by,
        grant=grant.id,
    )


def _denied(
    request: CommandRequested, bundle: Bundle, now: datetime, node: str, decision: Decision
) -> CommandDenied:
    return CommandDenied(
        envelope=envelope_about(request.envelope, now, node, id=verdict_id(request.envelope.command)),
        digest=request.digest,
        rule=decision.rule,
        policy_version=bundle.version,
        message=decision.message,
        hint=decision.hint,
        approval="",
        state=None,
        decided_by=(),
        comment="",
        missing=decision.missing,
        retry_at=decision.retry_at,
    )


def _review(
    request: CommandRequested,
    bundle: Bundle,
    now: datetime,
    node: str,
    decision: Decision,
    review: Review,
    obligations: Obligations,
) -> ApprovalRequested:
    """The request for review. What the client is told comes after it: what it is to look at is there then."""
    approval = approval_id(request.envelope.command)
    return ApprovalRequested(
        envelope=envelope_about(request.envelope, now, node, id=derived_id("approval requested", approval)),
        approval=approval,
        principal=request.principal,
        protocol=request.protocol,
        text=request.text,
        parameters=request.parameters,
        sealed=request.sealed,
        digest=request.digest,
        context=request.context,
        facts=request.facts,
        client_address=request.client_address,
        rule=decision.rule,
        policy_version=bundle.version,
        reviewers=review.reviewers,
        approvals=review.approvals,
        expires_at=now + timedelta(seconds=review.timeout),
        on_timeout=review.on_timeout,
        valid_for=review.valid_for,
        obligations=obligations,
        reply_to=request.reply_to,
        reason=request.reason,
        ticket=request.ticket,
        unmask=request.unmask,
        hold=review.hold,
        all_of=review.all_of,
        pattern=request.pattern,
        fingerprint=request.fingerprint,
        rules=decision.rules,
        grants=review.grants if not request.unmask else None,
        then=review.then,
        escalates_at=escalates_at(review, now),
        escalates_to=review.escalation.to if review.escalation is not None else (),
        transaction=request.transaction,
        on_unavailable=review.on_unavailable,
        reserve=review.reserve,
    )


def escalates_at(review: Review, now: datetime) -> datetime | None:
    """When others may decide as well on what is asked now."""
    return None if review.escalation is None else now + timedelta(seconds=review.escalation.after)


def _pending(asked: ApprovalRequested) -> ApprovalPending:
    """The word to the client that its command waits."""
    return ApprovalPending(
        envelope=replace(asked.envelope, id=derived_id("approval pending", asked.approval)),
        approval=asked.approval,
        digest=asked.digest,
        rule=asked.rule,
        reviewers=asked.reviewers,
        expires_at=asked.expires_at,
    )
