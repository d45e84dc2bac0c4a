"""Every event has its topic, its key and those who may sign it."""

from hypothesis import given
from support.events import events

from schemas.events import EVENTS, Event
from schemas.topics import SIGNED_BY, TOPIC_OF, TOPICS


def test_every_event_has_one_topic() -> None:
    listed = [event for topic in TOPICS for event in topic.events]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(EVENTS.values()) == set(TOPIC_OF)


def test_every_event_has_someone_who_may_say_it() -> None:
    assert set(SIGNED_BY) == set(EVENTS.values())
    assert all(SIGNED_BY.values())


def test_names_are_ours_and_unique() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(names) == len(set(names))
    assert all(name.startswith("countersign.") for name in names)
    assert all(topic.partitions >= 1 for topic in TOPICS)


def test_what_is_compacted_is_kept_for_ever() -> None:
    assert all(topic.kept is None for topic in TOPICS if topic.compacted)


@given(events())
def test_every_event_has_a_key(event: Event) -> None:
    assert isinstance(TOPIC_OF[type(event)].key(event), str)
