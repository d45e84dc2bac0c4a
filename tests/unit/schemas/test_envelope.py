"""What every event carries."""

from datetime import UTC, datetime

from schemas.envelope import envelope

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_an_envelope_is_new_each_time() -> None:
    one, other = envelope(NOW, "ingress@a#1"), envelope(NOW, "ingress@a#1")
    assert one.id != other.id
    assert (one.time, one.node, one.version) == (NOW, "ingress@a#1", 1)
    assert (one.session, one.command, one.principal, one.resource, one.trace) == ("", "", "", "", "")


def test_a_repeat_keeps_its_id() -> None:
    assert envelope(NOW, "n", id="same").id == envelope(NOW, "m", id="same").id == "same"
