from support.reviews import DANA, NOW, requested, settled

from api.inbox import Inbox, Position
from api.web.rows import row_of
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
