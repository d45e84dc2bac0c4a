"""Who sees what, and who decides."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.builders import configuration
from support.grants import grant_issued
from support.reviews import AGENT_7, AUDREY, DANA, ERIN, NOW, decided, requested, settled

from api.access import (
    Access,
    Why,
    access_of,
    how_it_ended,
    obstacle,
    obstacle_to_ending,
    obstacle_to_revoking,
    sees_grant,
)
from api.inbox import Approval, Inbox, Position
from api.register import Entry
from infra.config import Config
from schemas.events import Event
from schemas.vocabulary import ApprovalState, Principal, PrincipalKind

ACCESS = Access(frozenset({"compliance"}), {"orders": frozenset({"dba"}), "hr": frozenset({"hr-leads"})})
OTHER_AGENT = Principal("agent-9", PrincipalKind.AGENT, ("agents",))
ROBOT_DBA = Principal("robot", PrincipalKind.AGENT, ("dba",))


def approval_after(*events: Event) -> Approval:
    inbox = Inbox()
    for offset, event in enumerate(events):
        inbox.apply(event, Position(0, offset))
    return (*inbox.pending(), *inbox.settled())[0]


@pytest.mark.parametrize(
    ("who", "sees"), [(AGENT_7, True), (DANA, True), (AUDREY, True), (OTHER_AGENT, False), (ROBOT_DBA, True)]
)
def test_who_sees_an_approval(who: Principal, sees: bool) -> None:
    assert ACCESS.sees(who, approval_after(requested())) is sees


@pytest.mark.parametrize(
    ("who", "resource", "sees"),
    [
        (AGENT_7, "orders", True),
        (AUDREY, "hr", True),
        (DANA, "orders", True),
        (DANA, "hr", False),
        (OTHER_AGENT, "orders", False),
        (ROBOT_DBA, "orders", False),
    ],
)
def test_who_sees_a_session(who: Principal, resource: str, sees: bool) -> None:
    assert ACCESS.sees_session(who, "agent-7", resource) is sees


def test_a_reviewer_of_the_group_may_decide() -> None:
    assert obstacle(DANA, approval_after(requested()), NOW) is None


@pytest.mark.parametrize("who", [AGENT_7, AUDREY, OTHER_AGENT, ROBOT_DBA])
def test_nobody_else_may(who: Principal) -> None:
    found = obstacle(who, approval_after(requested()), NOW)

    assert found is not None
    assert found.why is Why.FORBIDDEN


def test_a_reviewer_never_decides_on_their_own_request() -> None:
    found = obstacle(DANA, approval_after(requested(principal=DANA)), NOW)

    assert found is not None
    assert found.why is Why.FORBIDDEN
    assert "yourself" in found.reason


def test_nor_on_what_an_agent_asks_for_them() -> None:
    approval = approval_after(requested(principal=replace(AGENT_7, acts_for="Dana")))
    found = obstacle(DANA, approval, NOW)

    assert found is not None
    assert found.why is Why.FORBIDDEN
    assert "acts for you" in found.reason


def test_there_is_nothing_left_to_decide() -> None:
    request = requested()
    cases = {
        "approved by dana": approval_after(request, settled(request)),
        "decided already": approval_after(request, decided(request, ERIN)),
    }
    for reason, approval in cases.items():
        found = obstacle(ERIN, approval, NOW)
        assert found is not None
        assert found.why is Why.TOO_LATE
        assert reason in found.reason


def test_only_a_reviewer_revokes_and_only_what_was_approved() -> None:
    request = requested()
    approved = approval_after(request, settled(request))
    assert obstacle_to_revoking(DANA, approved, NOW) is None
    for who in (AGENT_7, AUDREY, ROBOT_DBA):
        found = obstacle_to_revoking(who, approved, NOW)
        assert found is not None
        assert found.why is Why.FORBIDDEN
    for state in (ApprovalState.REJECTED, ApprovalState.TIMED_OUT, ApprovalState.REVOKED):
        found = obstacle_to_revoking(DANA, approval_after(request, settled(request, state)), NOW)
        assert found is not None
        assert found.why is Why.TOO_LATE
    late = obstacle_to_revoking(DANA, approved, request.expires_at + timedelta(days=1))
    assert late is not None
    assert late.why is Why.TOO_LATE


def test_its_time_ends() -> None:
    approval = approval_after(requested(NOW, lasts=timedelta(minutes=1)))

    assert obstacle(DANA, approval, NOW + timedelta(seconds=59)) is None
    found = obstacle(DANA, approval, NOW + timedelta(seconds=60))
    assert found is not None
    assert found.why is Why.TOO_LATE


def test_the_end_in_words() -> None:
    request = requested()

    assert how_it_ended(approval_after(request)) == "pending"
    assert how_it_ended(approval_after(request, settled(request))) == "approved by dana"
    timed_out = settled(request, ApprovalState.TIMED_OUT, decided_by=())
    assert how_it_ended(approval_after(request, timed_out)) == "timed out"


def test_reviewers_of_a_resource_are_those_of_the_rules_that_may_concern_it() -> None:
    def resource(name: str, **labels: str) -> dict[str, object]:
        return {
            "name": name,
            "protocol": "postgres",
            "address": "127.0.0.1:5432",
            "labels": labels,
            "credentials": {"user": "app"},
        }

    def review(name: str, group: str, **when: object) -> dict[str, object]:
        return {"name": name, "when": when, "verdict": "review", "review": {"reviewers": [group]}}

    document = configuration(
        listen={},
        resources=[resource("orders-eu", env="prod"), resource("scratch")],
        policies=[
            review("production", "dba", labels={"env": "prod"}),
            review("orders", "order-leads", resources=["orders-*"]),
            review("all", "security"),
            {"name": "reads", "when": {"intents": ["read"]}, "verdict": "allow"},
        ],
    )

    access = access_of(Config.model_validate(document))

    assert access.auditors == {"compliance"}
    assert access.reviewed == {
        "orders-eu": {"dba", "order-leads", "security"},
        "scratch": {"security"},
    }


@pytest.mark.parametrize(
    ("who", "sees", "may_end"),
    [
        (Principal("dana", PrincipalKind.PERSON, ("dba",)), True, True),
        (Principal("agent-7", PrincipalKind.AGENT, ("agents",)), True, True),
        (Principal("Bob", PrincipalKind.PERSON, ()), True, True),  # for whom the agent acts
        (Principal("root", PrincipalKind.PERSON, ("admins",)), False, True),
        (Principal("audrey", PrincipalKind.PERSON, ("compliance",)), True, False),
        (Principal("robot", PrincipalKind.AGENT, ("dba",)), True, False),
        (Principal("otto", PrincipalKind.PERSON, ("sales",)), False, False),
    ],
)
def test_who_sees_and_ends_a_grant(who: Principal, sees: bool, may_end: bool) -> None:
    entry = Entry(grant_issued(acts_for="bob"))
    access = Access(frozenset({"compliance"}), {})
    assert sees_grant(access, who, entry) is sees
    assert (obstacle_to_ending(who, entry, ("admins",)) == "") is may_end


@pytest.mark.parametrize(
    ("who", "opens"),
    [
        (DANA, True),
        (Principal("dan", PrincipalKind.PERSON, ("dba",)), False),  # reviews it, and nobody shows it to them
        (
            Principal("rex", PrincipalKind.PERSON, ("reviewers",)),
            False,
        ),  # reviews nothing
        (Principal("robot", PrincipalKind.AGENT, ("dba", "reviewers")), False),
        (AUDREY, False),
        (AGENT_7, False),
    ],
    ids=lambda value: value.name if isinstance(value, Principal) else "",
)
def test_who_sees_sensitive_literals(who: Principal, opens: bool) -> None:
    access = replace(ACCESS, shown_to={"orders": frozenset({"reviewers"})})
    assert access.opens(who, approval_after(requested(sealed=b"x"))) is opens
    assert not access.opens(who, approval_after(requested(sealed=b"")))
    assert not access.opens(who, approval_after(requested(sealed=b"x", resource="hr")))
    assert not ACCESS.opens(who, approval_after(requested(sealed=b"x")))
