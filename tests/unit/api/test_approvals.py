"""What the API takes as a decision, and the pages of its lists."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from support.reviews import DANA, ERIN, NOW, decided, requested, settled

from api.approvals import Decide, after, cursor_at, is_repeat
from api.deciding import Review, clean_comment
from api.inbox import Approval, Inbox, Position
from api.problems import Problem
from schemas.vocabulary import Answer


def test_a_comment_is_trimmed_and_may_have_lines() -> None:
    assert clean_comment("  fine\r\nfor OPS-12\t✓ ") == "fine\nfor OPS-12\t✓"


@pytest.mark.parametrize("comment", ["\x1b[2J", "a\u202eb", "x" * 2001, "\0"])
def test_a_comment_that_would_do_something_to_a_terminal_is_refused(comment: str) -> None:
    with pytest.raises(ValidationError):
        Decide(comment=comment)


def test_nothing_but_what_is_documented_is_taken() -> None:
    with pytest.raises(ValidationError):
        Decide.model_validate({"comment": "fine", "reviewer": "erin"})


def test_pages_of_a_list_lose_nothing_while_approvals_are_settled() -> None:
    inbox = Inbox()
    events = [requested(NOW + timedelta(seconds=number)) for number in range(6)]
    for number, event in enumerate(events):
        inbox.apply(event, Position(0, number))

    def listed() -> list[Approval]:
        return [*inbox.pending(), *inbox.settled()]

    first = listed()[:2]
    second = after(listed(), cursor_at(first[-1]))[:2]
    assert [a.id for a in (*first, *second)] == [event.approval for event in events[:4]]

    inbox.apply(settled(events[1]), Position(0, 6))
    inbox.apply(settled(events[5]), Position(0, 7))
    assert [a.id for a in after(listed(), cursor_at(first[-1]))][:3] == [e.approval for e in events[2:5]]
    last = inbox.settled()
    assert after(listed(), cursor_at(last[0])) == list(last[1:])
    assert after(listed(), cursor_at(last[-1])) == []


@pytest.mark.parametrize("cursor", ["x", "w.x.y", "0198f3c2", "w"])
def test_a_cursor_of_somebody_elses_is_refused(cursor: str) -> None:
    with pytest.raises(Problem, match="not one that this list gave"):
        after([], cursor)


def test_only_the_very_same_decision_is_a_repeat() -> None:
    inbox, event = Inbox(), requested()
    inbox.apply(event, Position(0, 0))
    inbox.apply(decided(event, comment="fine"), Position(0, 1))
    (approval,) = inbox.pending()
    assert is_repeat(approval, DANA, Review(Answer.APPROVE, "fine", event.digest))
    assert not is_repeat(approval, DANA, Review(Answer.APPROVE, "another", event.digest))
    assert not is_repeat(approval, DANA, Review(Answer.REJECT, "fine", event.digest))
    assert not is_repeat(approval, DANA, Review(Answer.APPROVE, "fine", "0" * 64))
    assert not is_repeat(approval, ERIN, Review(Answer.APPROVE, "fine", event.digest))
    assert not is_repeat(approval, DANA, Review(Answer.REVOKE, "fine", event.digest))
