from datetime import timedelta

from support.reviews import DANA, ERIN, NOW, decided, requested, settled

from api.inbox import Inbox, Position
from api.web.rows import row_of, rows_of
from schemas.vocabulary import Principal, PrincipalKind


def test_a_row_says_whose_turn_it_is() -> None:
    inbox = Inbox()
    event = requested()
    inbox.apply(event, Position(0, 0))
    (waiting,) = inbox.pending()
    stranger = Principal("eve", PrincipalKind.PERSON, ("sales",))
    assert row_of(waiting, DANA, NOW).is_mine
    assert not row_of(waiting, stranger, NOW).is_mine
    assert "Only members of dba" in row_of(waiting, stranger, NOW).hindrance

    inbox.apply(settled(event), Position(0, 1))
    (ended,) = inbox.settled()
    row = row_of(ended, DANA, NOW)
    assert (row.is_mine, row.decided_by, row.comment) == (False, ("dana",), "OPS-12, fine")


def test_identical_requests_are_one_row_where_the_first_stands() -> None:
    inbox = Inbox()
    asked = [
        requested(NOW + timedelta(seconds=second), digest=digest, approvals=2)
        for second, digest in enumerate("abaa")
    ]
    for offset, event in enumerate([*asked, decided(asked[0])]):
        inbox.apply(event, Position(0, offset))

    rows = rows_of(inbox.pending(), ERIN, NOW)
    assert [(row.id, row.times) for row in rows] == [
        (asked[0].approval, 1),  # one person has approved it: it is not as far as the others
        (asked[1].approval, 1),
        (asked[2].approval, 2),
    ]
