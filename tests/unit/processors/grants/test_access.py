from datetime import timedelta
from typing import Any

import pytest
from support.commands import AGENT_7, DANA, NOW, bundle, rule

from processors.approvals.approval import apply
from processors.approvals.record import Approval
from processors.grants.access import ask
from schemas.envelope import envelope
from schemas.events import AccessRequested, ApprovalRequested, ApprovalSettled, GrantIssued, ReviewDecided
from schemas.vocabulary import Access, Answer, ApprovalState, GrantKind, Intent, Principal

NODE = "processors@test#1"
TERMS = {
    "reviewers": ["dba"],
    "approvals": 1,
    "timeout": 600.0,
    "on_timeout": "allow",
    "valid_for": 300.0,
    "grants": {"kinds": ["window"], "seconds": 3600.0, "uses": None},
}
RULES = bundle(
    rule("reads", "allow", {"intents": ["read"]}),
    rule("changes", "review", {"intents": ["write"]}, review=TERMS),
    rule("ddl", "review", {"intents": ["ddl"]}),
    rule("never", "deny", {"intents": ["admin"]}, message="Never."),
)


def wanted(*intents: Intent, principal: Principal = AGENT_7, **more: Any) -> AccessRequested:
    fields: dict[str, Any] = {"access": Access(600), "resource": "orders"} | more
    resource = fields.pop("resource")
    return AccessRequested(
        envelope=envelope(NOW, "api@test#1", command="c", principal=principal.name, resource=resource),
        approval="approval-1",
        principal=principal,
        intents=intents or (Intent.WRITE,),
        reason="OPS-12",
        ticket="",
        client_address="10.0.0.1:5000",
        **fields,
    )


def test_reviewers_are_asked_and_what_they_approve_is_granted() -> None:
    (asked,) = ask(wanted(Intent.READ, Intent.WRITE), RULES, NOW, NODE)
    assert isinstance(asked, ApprovalRequested)
    assert asked.text == "access to orders for 10 minutes: read, write"
    assert (asked.rule, asked.reviewers, asked.rules) == ("changes", ("dba",), (RULES.rules[1].digest,))
    approval = apply(None, asked, RULES, NOW, NODE).approval
    decision = ReviewDecided(
        envelope=envelope(NOW, "api@test#1"),
        approval=asked.approval,
        reviewer=DANA,
        answer=Answer.APPROVE,
        comment="until noon",
        digest=asked.digest,
    )
    step = apply(approval, decision, RULES, NOW, NODE)
    (settlement,) = step.events
    assert isinstance(settlement, ApprovalSettled)
    step = apply(step.approval, settlement, RULES, NOW, NODE)
    (grant,) = step.events
    assert isinstance(grant, GrantIssued), "and no verdict: no command waits"
    assert (grant.kind, grant.intents) == (GrantKind.WINDOW, (Intent.READ, Intent.WRITE))
    assert step.told is None


def test_time_alone_grants_nothing() -> None:
    (asked,) = ask(wanted(), RULES, NOW, NODE)
    assert isinstance(asked, ApprovalRequested)
    approval: Approval | None = Approval(asked)
    end = ApprovalSettled(
        envelope=envelope(NOW, NODE),
        approval=asked.approval,
        state=ApprovalState.TIMED_OUT,
        rule=asked.rule,
        decided_by=(),
        comment="",
        requested_at=NOW,
    )
    assert apply(approval, end, RULES, NOW, NODE).events == ()


def test_nobody_waits_longer_than_the_window() -> None:
    access = Access(60, NOW + timedelta(minutes=1))
    (asked,) = ask(wanted(access=access), RULES, NOW, NODE)
    assert isinstance(asked, ApprovalRequested)
    assert asked.expires_at == NOW + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("intents", "more", "why"),
    [
        ((Intent.READ,), {}, "without a review"),
        ((Intent.DDL,), {}, "no grants of kind window"),
        ((Intent.WRITE, Intent.DDL), {}, "no grants of kind window"),
        ((Intent.ADMIN,), {}, "Never."),
        ((Intent.EXEC,), {}, "no rule allows this"),
        ((Intent.WRITE,), {"access": Access(3601)}, "at most 3600 seconds"),
        ((Intent.WRITE,), {"access": Access(60, NOW - timedelta(minutes=2))}, "is over"),
        ((Intent.WRITE,), {"resource": "nowhere"}, "no such resource"),
    ],
)
def test_what_no_reviewer_can_grant_is_rejected_at_once(
    intents: tuple[Intent, ...], more: dict[str, Any], why: str
) -> None:
    asked, end = ask(wanted(*intents, **more), RULES, NOW, NODE)
    assert isinstance(asked, ApprovalRequested)
    assert asked.reviewers == ()
    assert isinstance(end, ApprovalSettled)
    assert (end.state, end.decided_by) == (ApprovalState.REJECTED, ())
    assert why in end.comment
    approval = apply(None, asked, RULES, NOW, NODE).approval
    after = apply(approval, end, RULES, NOW, NODE)
    assert after.approval is not None
    assert (after.approval.state, after.events) == (ApprovalState.REJECTED, ())
