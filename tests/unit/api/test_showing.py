"""What the API shows of an approval."""

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
