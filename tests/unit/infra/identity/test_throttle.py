"""Guessing gets slower; a right token makes it fast again."""

from datetime import timedelta

from support.reviews import NOW

from infra.identity.throttle import Throttle

NOTHING = timedelta()


def test_some_failures_are_free() -> None:
    throttle = Throttle(free=3)
    for _ in range(2):
        throttle.failed("dana", NOW)

    assert throttle.wait("dana", NOW) <= NOTHING


def test_then_each_failure_doubles_the_wait() -> None:
    throttle = Throttle(free=3)
    waits = []
    for _ in range(6):
        throttle.failed("dana", NOW)
        waits.append(throttle.wait("dana", NOW).total_seconds())

    assert waits == [0, 0, 1, 2, 4, 8]


def test_the_wait_has_an_end_and_passes() -> None:
    throttle = Throttle(free=1)
    for _ in range(50):
        throttle.failed("dana", NOW)

    assert throttle.wait("dana", NOW) == timedelta(minutes=5)
    assert throttle.wait("dana", NOW + timedelta(minutes=5)) <= NOTHING


def test_success_and_an_hour_of_peace_forgive() -> None:
    throttle = Throttle(free=1)
    throttle.failed("dana", NOW)
    throttle.succeeded("dana")
    assert throttle.wait("dana", NOW) <= NOTHING

    for _ in range(9):
        throttle.failed("dana", NOW)
    throttle.failed("dana", NOW + timedelta(hours=2))
    assert throttle.wait("dana", NOW + timedelta(hours=2)) == timedelta(seconds=1)


def test_one_key_does_not_slow_another() -> None:
    throttle = Throttle(free=1)
    for _ in range(9):
        throttle.failed("dana", NOW)

    assert throttle.wait("erin", NOW) <= NOTHING


def test_the_memory_is_bounded() -> None:
    throttle = Throttle(free=1)
    for number in range(10_001):
        throttle.failed(str(number), NOW)

    assert throttle.wait("0", NOW) <= NOTHING
    assert throttle.wait("10000", NOW) > NOTHING
