"""What the API shows of an approval, and what it takes as a comment."""

import pytest
from pydantic import ValidationError
from support.reviews import AGENT_7, DANA, NOW, decided, requested, settled

from api.approvals import ApprovalView, Decide, clean_comment, view
from api.inbox import Inbox, Position


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


def test_a_comment_is_trimmed_and_may_have_lines() -> None:
    assert clean_comment("  fine\r\nfor OPS-12\t✓ ") == "fine\nfor OPS-12\t✓"


@pytest.mark.parametrize("comment", ["\x1b[2J", "a\u202eb", "x" * 2001, "\0"])
def test_a_comment_that_would_do_something_to_a_terminal_is_refused(comment: str) -> None:
    with pytest.raises(ValidationError):
        Decide(comment=comment)


def test_nothing_but_what_is_documented_is_taken() -> None:
    with pytest.raises(ValidationError):
        Decide.model_validate({"comment": "fine", "reviewer": "erin"})
