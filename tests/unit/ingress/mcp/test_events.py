"""Server-sent events, cut anywhere."""

import pytest
from support.chunking import every_split

from ingress.mcp.events import Event, EventReader
from ingress.web.answers.counting import Uninspectable

STREAM = b':\n\nid: 1\nretry: 5\ndata:\n\nevent: message\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: x\n\ndata: y'


def test_events_cut_anywhere() -> None:
    for chunks in every_split(STREAM):
        reader = EventReader()
        found = [event for chunk in chunks for event in reader.feed(chunk)]
        assert found == [Event(b"", "1", "", "5"), Event(b'{"a":\n1}', "", "message"), Event(b"x")]


def test_back_to_bytes() -> None:
    event = Event(b"a\nb", "1", "message", "5")
    assert event.encode() == b"event: message\nid: 1\nretry: 5\ndata: a\ndata: b\n\n"
    assert EventReader().feed(event.encode()) == [event]


def test_what_is_refused() -> None:
    with pytest.raises(Uninspectable):
        EventReader().feed(b"id: \xff\n\n")
    with pytest.raises(Uninspectable):
        EventReader().feed(b"data: " + b"x" * (17 * 1024 * 1024))
