"""Facts and times in words."""

from datetime import timedelta

import pytest
from support.reviews import NOW

from api.web.words import INTENTS, STATES, duration, moment, time_left
from schemas.vocabulary import ApprovalState, Intent


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0s"),
        (0, "0s"),
        (41, "41s"),
        (60, "1m"),
        (581, "9m 41s"),
        (3600, "1h"),
        (7500, "2h 5m"),
        (86400, "1d"),
        (3 * 86400 + 4 * 3600 + 59, "3d 4h"),
    ],
)
def test_durations(seconds: int, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_time_left() -> None:
    assert time_left(NOW + timedelta(seconds=90), NOW) == "1m 30s left"
    assert time_left(NOW, NOW) == "time is up"


def test_a_moment_is_in_utc() -> None:
    assert moment(NOW) == "2026-03-02 09:30:00 UTC"


def test_every_intent_and_state_has_words() -> None:
    assert set(INTENTS) == set(Intent)
    assert set(STATES) == set(ApprovalState)
    assert INTENTS[Intent.UNKNOWN].weight == "heavy"
