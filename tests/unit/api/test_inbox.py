"""The read model: any order of repeats and late events gives the same picture."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reviews import AGENT_7, DANA, ERIN, NOW, decided, requested, settled

from api.inbox import MOST_IDENTICAL, Change, Inbox, Kind, Position
from schemas.envelope import envelope
from schemas.events import ApprovalWithdrawn, Event
from schemas.vocabulary import Access, Answer, ApprovalState


def fill(inbox: Inbox, *events: Event) -> list[Change | None]:
    return [inbox.apply(event, Position(0, offset)) for offset, event in enumerate(events)]


def test_a_request_waits_until_it_is_settled() -> None:
    inbox, request = Inbox(), requested()

    changes = fill(inbox, request, decided(request), settled(request))

    assert [change.kind for change in changes if change] == [Kind.REQUESTED, Kind.DECIDED, Kind.SETTLED]
    [approval] = inbox.settled()
    assert inbox.pending() == ()
    assert approval.state is ApprovalState.APPROVED
    assert approval.decisions[0].reviewer == "dana"
    assert approval.settlement is not None
    assert approval.settlement.position == Position(0, 2)


def test_a_decision_is_shown_and_does_not_change_the_state() -> None:
    inbox, request = Inbox(), requested()

    fill(inbox, request, decided(request, DANA, Answer.REJECT))

    [approval] = inbox.pending()
    assert approval.state is ApprovalState.PENDING
    assert [decision.answer for decision in approval.decisions] == [Answer.REJECT]


def test_the_first_decision_of_a_reviewer_is_the_one_that_is_shown() -> None:
    inbox, request = Inbox(), requested()

    changes = fill(inbox, request, decided(request, DANA), decided(request, DANA, Answer.REJECT))

    assert changes[2] is None
    assert [decision.answer for decision in inbox.pending()[0].decisions] == [Answer.APPROVE]


def test_a_decision_about_another_command_is_not_shown() -> None:
    inbox, request = Inbox(), requested()

    fill(inbox, request, decided(request, digest="0" * 64))

    assert inbox.pending()[0].decisions == ()


@pytest.mark.parametrize("state", [state for state in ApprovalState if state is not ApprovalState.PENDING])
def test_every_end_is_kept(state: ApprovalState) -> None:
    inbox, request = Inbox(), requested()

    fill(inbox, request, settled(request, state))

    assert inbox.settled()[0].state is state


def test_what_changes_nothing_is_no_change() -> None:
    inbox, request, unknown = Inbox(), requested(), requested()
    fill(inbox, request, settled(request))

    late = fill(
        inbox,
        request,
        decided(request),
        settled(request, ApprovalState.REJECTED),
        decided(unknown),
        settled(unknown),
        ApprovalWithdrawn(envelope=envelope(NOW, "ingress@test#1"), approval=request.approval, reason="left"),
    )

    assert late == [None] * 6
    assert inbox.settled()[0].state is ApprovalState.APPROVED


def test_what_was_approved_is_revoked_once_and_nothing_else_is() -> None:
    inbox, request, rejected = Inbox(settled_kept=2), requested(), requested()
    revocation = settled(request, ApprovalState.REVOKED, decided_by=("erin",), comment="wrong table")
    fill(inbox, request, settled(request), rejected, settled(rejected, ApprovalState.REJECTED))

    changes = fill(
        inbox,
        decided(request, ERIN, Answer.REVOKE),
        revocation,
        revocation,
        settled(request),
        settled(rejected, ApprovalState.REVOKED),
    )

    assert [change.kind if change else None for change in changes] == [None, Kind.SETTLED, None, None, None]
    found = inbox.get(request.approval)
    assert found is not None
    assert found.settlement is not None
    assert (found.state, found.settlement.decided_by) == (ApprovalState.REVOKED, ("erin",))
    assert len(inbox.settled()) == 2
    newer = [requested(NOW + timedelta(minutes=minute)) for minute in (1, 2)]
    fill(inbox, *(event for one in newer for event in (one, settled(one))))
    assert inbox.get(request.approval) is None, "it makes room for newer ones as others do"


def test_the_newest_settled_are_kept_whatever_order_partitions_come_in() -> None:
    inbox = Inbox(settled_kept=3)
    requests = [requested(NOW + timedelta(minutes=minute)) for minute in range(6)]

    for request in (requests[4], requests[5], requests[3], requests[0], requests[2], requests[1]):
        fill(inbox, request, settled(request))

    assert [approval.id for approval in inbox.settled()] == [r.approval for r in reversed(requests[3:])]
    assert inbox.get(requests[0].approval) is None


def test_pending_ones_are_never_dropped() -> None:
    inbox = Inbox(settled_kept=1)
    requests = [requested(NOW + timedelta(seconds=second)) for second in range(50)]

    fill(inbox, *reversed(requests))

    assert [approval.id for approval in inbox.pending()] == [request.approval for request in requests]


def test_a_prefix_of_six_characters_finds() -> None:
    inbox, request, other = Inbox(), requested(), requested()
    fill(inbox, request, other, settled(other))

    assert [found.id for found in inbox.find(request.approval[:6])] == [request.approval]
    assert [found.id for found in inbox.find(other.approval)] == [other.approval]
    assert inbox.find(request.approval[:5]) == ()
    assert inbox.find("") == ()


@given(st.data())
def test_repeats_change_nothing(data: st.DataObject) -> None:
    """Each event of a partition may come again at any time after it first came."""
    requests = [requested(NOW + timedelta(seconds=n), approvals=2) for n in range(3)]
    story = [
        event
        for r in requests
        for event in (r, decided(r, DANA), decided(r, ERIN), settled(r, decided_by=("dana", "erin")))
    ]
    repeated: list[Event] = []
    for number, event in enumerate(story):
        repeated.append(event)
        again = data.draw(st.lists(st.integers(0, number), max_size=3))
        repeated += [story[index] for index in again]
    once, often = Inbox(), Inbox()

    fill(once, *story)
    changes = [change for change in fill(often, *repeated) if change is not None]

    assert len(changes) == len(story)
    assert [a.decisions for a in often.settled()] == [a.decisions for a in once.settled()]
    assert [a.state for a in often.settled()] == [a.state for a in once.settled()]
    assert often.pending() == ()


def test_identical_are_requests_for_the_very_same_that_wait() -> None:
    inbox = Inbox()
    same: dict[str, Any] = {"digest": "d"}
    for_dana = {"principal": replace(AGENT_7, acts_for="dana")}
    requests = [
        requested(NOW + timedelta(seconds=second), **more)
        for second, more in enumerate(
            [same, same, {"digest": "e"}, same | for_dana, same | {"rule": "another"}, same]
        )
    ]
    fill(inbox, *requests)
    first, second, *different, last = inbox.pending()

    assert inbox.identical(first) == (second, last)
    assert inbox.identical(last) == (first, second)
    assert [inbox.identical(one) for one in different] == [()] * 3

    fill(inbox, settled(requests[0]))
    assert inbox.identical(first) == (second, last), "of what has ended, those that still wait"
    assert inbox.identical(second) == (last,)
    fill(inbox, settled(requests[1]), settled(requests[5]))
    assert inbox.identical(first) == ()


def test_windows_of_access_are_never_identical() -> None:
    inbox = Inbox()
    fill(inbox, *(requested(digest="d", access=Access(60.0, None)) for _ in range(2)))

    assert [inbox.identical(one) for one in inbox.pending()] == [(), ()]


def test_only_so_many_are_named_beside_a_request() -> None:
    inbox = Inbox()
    fill(inbox, *(requested(NOW + timedelta(seconds=second), digest="d") for second in range(60)))
    first, *others = inbox.pending()

    assert inbox.identical(first) == tuple(others[:MOST_IDENTICAL])
