from datetime import timedelta

from api.notifications.backoff import next_attempt


def test_it_is_tried_for_more_than_a_day_and_then_no_more() -> None:
    waits: list[timedelta] = []
    while (wait := next_attempt(len(waits) + 1, 503, None)) is not None:
        waits.append(wait)
    assert waits == sorted(waits)
    assert sum(waits, timedelta()) > timedelta(days=2)
    assert len(waits) == 8


def test_a_receiver_may_ask_for_more_time_and_never_for_less_or_for_ever() -> None:
    assert next_attempt(1, 429, "60") == timedelta(seconds=60)
    assert next_attempt(1, 429, "1") == timedelta(seconds=5)
    assert next_attempt(1, 429, "9999999") == timedelta(hours=24)
    assert next_attempt(1, 429, "Wed, 21 Oct 2026 07:28:00 GMT") == timedelta(seconds=5)


def test_gone_is_gone() -> None:
    assert next_attempt(1, 410, "60") is None
