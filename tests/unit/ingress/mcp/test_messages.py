"""JSON-RPC messages, read strictly."""

from typing import Any

import pytest

from ingress.mcp import words
from ingress.mcp.messages import (
    METHOD_NOT_FOUND,
    Answer,
    BadMessage,
    Notification,
    Request,
    make_error,
    make_progress,
    make_result,
    parse_message,
)


def request(method: str = words.CALL, id: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def test_the_three_kinds() -> None:
    assert parse_message(request(name="x")) == Request(1, words.CALL, {"name": "x"})
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert parse_message(note) == Notification("notifications/initialized", {})
    assert parse_message({"jsonrpc": "2.0", "id": "a", "result": {}}) == Answer("a", "result", {})
    error = {"code": 1, "message": "no"}
    assert parse_message({"jsonrpc": "2.0", "id": 2, "error": error}) == Answer(2, "error", error)


@pytest.mark.parametrize("id", [None, True, 1.0, [], {}, 2**53, "x" * 257])
def test_an_id_is_a_text_or_a_whole_number(id: Any) -> None:
    with pytest.raises(BadMessage, match="id"):
        parse_message(request(id=id, name="x"))


def test_an_unknown_method_keeps_its_id() -> None:
    with pytest.raises(BadMessage) as raised:
        parse_message(request("tasks/list", 7))
    assert (raised.value.code, raised.value.id) == (METHOD_NOT_FOUND, 7)


def test_a_request_is_no_notification_and_the_other_way_round() -> None:
    with pytest.raises(BadMessage):
        parse_message({"jsonrpc": "2.0", "method": words.CALL, "params": {"name": "x"}})
    with pytest.raises(BadMessage):
        parse_message(request("notifications/initialized"))


def test_progress_tokens() -> None:
    with_token = parse_message(request(name="x", _meta={"progressToken": "t"}))
    without = parse_message(request(name="x", _meta={"progressToken": True}))
    assert isinstance(with_token, Request)
    assert isinstance(without, Request)
    assert (with_token.progress_token, without.progress_token) == ("t", None)


def test_what_is_made() -> None:
    assert make_result(1, {"a": "ä"}) == '{"jsonrpc":"2.0","id":1,"result":{"a":"ä"}}'.encode()
    assert make_error(None, -1, "no") == b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}'
    assert b'"progressToken":"t","progress":3,"message":"held"' in make_progress("t", 3, "held")
