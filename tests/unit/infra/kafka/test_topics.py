from datetime import timedelta

from infra.kafka.topics import topic_settings
from schemas.topics import COMMANDS, GRANTS, HEARTBEATS, LEDGER, TOPICS

_DAY = 24 * 60 * 60 * 1000  # milliseconds


def test_what_is_kept_long_is_kept_400_days() -> None:
    settings = topic_settings(COMMANDS)
    assert settings["retention.ms"] == str(400 * _DAY)
    assert settings["cleanup.policy"] == "delete"


def test_what_is_kept_for_ever_is_not_deleted() -> None:
    assert topic_settings(LEDGER)["retention.ms"] == "-1"


def test_a_compacted_topic_keeps_the_newest_of_each_key_for_ever() -> None:
    settings = topic_settings(GRANTS)
    assert settings["cleanup.policy"] == "compact"
    assert "retention.ms" not in settings


def test_segments_are_short_enough_for_what_is_kept_hours() -> None:
    settings = topic_settings(HEARTBEATS)
    assert int(settings["retention.ms"]) == timedelta(hours=6) // timedelta(milliseconds=1)
    assert int(settings["segment.ms"]) == _DAY // 24


def test_the_largest_event_fits_everywhere() -> None:
    assert all(int(topic_settings(topic)["max.message.bytes"]) > 4 * 1024 * 1024 for topic in TOPICS)
