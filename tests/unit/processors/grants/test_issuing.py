from dataclasses import replace
from datetime import timedelta

import pytest
from support.reviews import AGENT_7, NOW, requested, settled

from processors.grants.issuing import grant_id, issued, revoked
from schemas.vocabulary import Access, ApprovalState, Facts, GrantKind, GrantLimits, GrantTerms, Intent

NODE = "processors@test#1"
LIMITS = GrantLimits((GrantKind.PATTERN,), 3600)
REQUEST = requested(
    grants=LIMITS,
    pattern="delete from orders where id = ‹value›",
    fingerprint="f" * 64,
    rules=("a" * 64,),
    reason="it is wrong",
    principal=replace(AGENT_7, acts_for="bob"),
)
TERMS = GrantTerms(GrantKind.PATTERN, 60, 3)


def test_what_was_approved_with_a_grant() -> None:
    end = settled(REQUEST, grant=TERMS)
    grant = issued(REQUEST, end, NODE)
    assert grant is not None
    assert issued(REQUEST, end, NODE) == grant, "said again, it is the same"
    assert (grant.grant, grant.approval) == (grant_id(REQUEST.approval), REQUEST.approval)
    assert (grant.envelope.principal, grant.acts_for) == ("agent-7", "bob")
    assert grant.envelope.resource == "orders"
    assert (grant.kind, grant.pattern, grant.fingerprint) == (
        GrantKind.PATTERN,
        REQUEST.pattern,
        REQUEST.fingerprint,
    )
    assert grant.rules == REQUEST.rules
    assert (grant.issued_by, grant.uses, grant.comment) == ("dana", 3, "OPS-12, fine")
    assert grant.expires_at == end.envelope.time + timedelta(seconds=60)


@pytest.mark.parametrize("state", [state for state in ApprovalState if state is not ApprovalState.APPROVED])
def test_nothing_is_granted_by_another_end(state: ApprovalState) -> None:
    assert issued(REQUEST, settled(REQUEST, state, grant=TERMS), NODE) is None
    assert issued(replace(REQUEST, access=Access(60)), settled(REQUEST, state), NODE) is None


def test_nothing_is_granted_without_terms() -> None:
    assert issued(REQUEST, settled(REQUEST), NODE) is None


@pytest.mark.parametrize(
    ("starts_in", "left"), [(None, 600), (timedelta(hours=1), 600), (timedelta(minutes=-5), 600)]
)
def test_a_window_that_is_approved_late_is_not_longer(starts_in: timedelta | None, left: int) -> None:
    starts_at = None if starts_in is None else NOW + starts_in
    request = replace(REQUEST, access=Access(left, starts_at), facts=Facts((Intent.READ, Intent.WRITE)))
    end = settled(request, at=NOW + timedelta(minutes=1))
    grant = issued(request, end, NODE)
    assert grant is not None
    assert (grant.kind, grant.intents, grant.uses) == (GrantKind.WINDOW, (Intent.READ, Intent.WRITE), None)
    begins = starts_at or end.envelope.time
    assert (grant.starts_at, grant.expires_at) == (begins, begins + timedelta(seconds=left))
    assert grant.fingerprint == ""


def test_a_revoked_approval_takes_its_grant_along() -> None:
    end = settled(REQUEST, ApprovalState.REVOKED, comment="wrong table")
    event = revoked(REQUEST, end, NODE)
    assert event is not None
    assert (event.grant, event.revoked_by, event.reason) == (
        grant_id(REQUEST.approval),
        "dana",
        "wrong table",
    )
    assert revoked(replace(REQUEST, grants=None), end, NODE) is None
    assert revoked(REQUEST, settled(REQUEST), NODE) is None
