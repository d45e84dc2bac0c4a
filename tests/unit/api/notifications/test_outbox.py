from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.notifications.outbox import Message, Outbox

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def message(id: str, endpoint: str = "ops") -> Message:
    return Message(endpoint, id, "{}", NOW)


def test_what_was_kept_is_there_after_a_restart_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "outbox.db"
    first = Outbox(path)
    assert first.seen is None
    first.add([message("1"), message("2"), message("1", "chat")], {0: 7})
    first.close()

    again = Outbox(path)
    again.add([message("1")], {0: 8, 3: 1})
    assert again.seen == {0: 8, 3: 1}
    assert sorted((m.endpoint, m.id) for m in again.due(NOW)) == [("chat", "1"), ("ops", "1"), ("ops", "2")]
    assert path.stat().st_mode & 0o077 == 0


def test_what_is_not_taken_comes_again_and_then_is_dead(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.add([message("1"), message("2")], {})
    one, two = outbox.due(NOW)
    outbox.taken(one)
    outbox.not_taken(two, "it answered 503", NOW + timedelta(seconds=5))
    assert outbox.due(NOW) == []
    assert outbox.next_due() == NOW + timedelta(seconds=5)
    (later,) = outbox.due(NOW + timedelta(seconds=5))
    assert (later.attempts, later.said) == (1, "it answered 503")

    outbox.not_taken(later, "it answered 410", None)
    assert outbox.next_due() is None
    assert [(dead.id, dead.attempts) for dead in outbox.dead()] == [("2", 2)]
    assert outbox.send_again(NOW) == 1
    assert [(due.id, due.attempts) for due in outbox.due(NOW)] == [("2", 0)]
