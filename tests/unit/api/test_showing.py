"""What the API shows of an approval."""

from datetime import timedelta

from support.reviews import AGENT_7, DANA, NOW, decided, requested, settled

from api.inbox import Inbox, Position
from api.showing import view
from api.views import ApprovalView


def test_the_view_says_all_and_never_what_was_sealed() -> None:
    request = requested(parameters=("7", None), sealed=b"SEALED-ORIGINAL")
    inbox = Inbox()
    for offset, event in enumerate((request, decided(request), settled(request))):
        inbox.apply(event, Position(0, offset))

    shown = view(inbox.settled()[0], DANA, NOW)

    assert shown.state == "approved"
    assert shown.parameters == ["7", None]
    assert shown.decided_by == ["dana"]
    assert shown.comment == "OPS-12, fine"
    assert shown.settled_at is not None
    assert "SEALED" not in shown.model_dump_json()


def test_the_view_depends_on_who_asks() -> None:
    inbox = Inbox()
    inbox.apply(requested(), Position(0, 0))
    [approval] = inbox.pending()

    assert view(approval, DANA, NOW).can_decide is True
    own = view(approval, AGENT_7, NOW)
    assert own.can_decide is False
    assert own.cannot_decide_because


def test_the_documented_example_is_a_view() -> None:
    [example] = ApprovalView.model_json_schema()["examples"]

    assert set(example) == set(ApprovalView.model_fields)


def test_what_ran_at_once_and_waits_for_its_review_for_a_day_is_overdue() -> None:
    inbox = Inbox()
    ran = requested(afterwards=True, lasts=timedelta(days=7))
    inbox.apply(ran, Position(0, 0))
    inbox.apply(requested(lasts=timedelta(days=7)), Position(0, 1))
    after_a_day = NOW + timedelta(days=1, seconds=1)

    overdue = [one.id for one in inbox.pending() if view(one, DANA, after_a_day).is_overdue]
    assert overdue == [ran.approval]
    assert not any(view(one, DANA, NOW + timedelta(hours=23)).is_overdue for one in inbox.pending())

    inbox.apply(settled(ran), Position(0, 2))
    assert not view(inbox.settled()[0], DANA, after_a_day).is_overdue
