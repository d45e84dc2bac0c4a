"""Answers, message by message."""

import pytest

from ingress.mcp import words
from ingress.mcp.viewing import Expected, MessageViewing
from ingress.web.answers.counting import Uninspectable
from ingress.web.answers.inspect import Sight
from ingress.web.selectors import Selectors

SIGHT = Sight(Selectors(()), {}, ("email",), (), ())
JSON, STREAM = b"application/json", b"text/event-stream; charset=utf-8"


def shown(expected: Expected, media: bytes, data: bytes) -> bytes:
    filtering = MessageViewing(SIGHT, expected).filter(media)
    return filtering.feed(data) + filtering.finish()


def test_an_answer() -> None:
    answer = b'{"jsonrpc": "2.0", "id": "a", "result": {"x": "jane@example.com"}}'
    assert shown(Expected(words.CALL, "a", 7), JSON, answer) == (
        b'{"jsonrpc":"2.0","id":7,"result":{"x":"j***@example.com"}}'
    )


@pytest.mark.parametrize("expected", [Expected(words.CALL, "1", 1), Expected(words.STREAM)])
def test_another_requests_answer(expected: Expected) -> None:
    with pytest.raises(Uninspectable, match="another request"):
        shown(expected, JSON, b'{"jsonrpc": "2.0", "id": 1, "result": {}}')


def test_a_stream_that_goes_on_may_answer_any() -> None:
    event = b'id: 7\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
    answer = event.replace(b'"id":1', b'"id":"1"')
    expected = Expected(words.STREAM, any_answer=True, bind=lambda id: f"{id}.signed")
    assert shown(expected, STREAM, event) == event.replace(b"id: 7", b"id: 7.signed")
    assert shown(Expected(words.CALL, "1", 1), STREAM, answer) == event.replace(b"id: 7\n", b"")


def test_tasks_are_not_offered() -> None:
    answer = b'{"jsonrpc":"2.0","id":"1","result":{"capabilities":{"tools":{},"tasks":{}}}}'
    assert b"tasks" not in shown(Expected(words.INITIALIZE, "1", 1), JSON, answer)


@pytest.mark.parametrize("media", [b"text/plain", b"", b"application/x-ndjson"])
def test_other_media_types(media: bytes) -> None:
    with pytest.raises(Uninspectable):
        shown(Expected(words.CALL, "1", 1), media, b"x")
