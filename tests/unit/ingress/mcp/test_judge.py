"""Commands of messages: what the digest covers, and what events show."""

from typing import Any

from ingress.command import Command
from ingress.mcp import words
from ingress.mcp.definitions import Pin
from ingress.mcp.facts import Known
from ingress.mcp.judge import (
    PLACEHOLDER,
    REASON,
    Subject,
    Why,
    make_listed_command,
    make_message_command,
    sent_body,
)
from ingress.mcp.messages import Answer, Id, Notification, Request
from ingress.web.selectors import Selectors
from schemas.vocabulary import Intent, SensitiveColumn, Stage

KNOWN = Known(
    {"refund": (Intent.WRITE,)}, {"refund": Pin("1")}, Selectors((SensitiveColumn("$..iban", "full"),))
)
SUBJECT = Subject("agent-7", "shop", ("email",), KNOWN)


def command(arguments: dict[str, Any], id: Id = 1, **meta: Any) -> Command:
    params = {"name": "refund", "arguments": arguments, **({"_meta": meta} if meta else {})}
    return make_message_command(
        Request(id, words.CALL, params), SUBJECT, lambda: "c", Why("mail a@b.example")
    )


def test_its_text_has_the_arguments_in_one_order() -> None:
    first, second = command({"b": 1, "a": {"d": 2, "c": 3}}), command({"a": {"c": 3, "d": 2}, "b": 1})
    assert first.text == second.text == 'tools/call refund {"a": {"c": 3, "d": 2}, "b": 1}'
    assert first.digest == second.digest


def test_a_retry_has_the_same_digest() -> None:
    first = command({"a": 1}, 1, progressToken=5, **{REASON: "x"})
    assert first.digest == command({"a": 1}, "other", progressToken=6).digest
    assert first.digest != command({"a": 2}).digest
    assert first.digest != command({"a": 1}, trace="x").digest, "the rest of _meta counts"
    assert first.digest != command({"a": True}).digest


def test_long_arguments_are_covered_whole() -> None:
    long = "x" * 100_000
    assert command({"a": long + "1"}).digest != command({"a": long + "2"}).digest
    assert len(command({"a": long}).text) < 70_000


def test_what_events_show() -> None:
    found = command({"iban": "DE02", "password": "p", "to": "jane@example.com"})
    shown = f'{{"iban": "{PLACEHOLDER}", "password": "{PLACEHOLDER}", "to": "j***@example.com"}}'
    assert found.text == f"tools/call refund {shown}"
    assert found.original is not None
    assert "jane@example.com" in found.original[0]
    assert found.reason == "mail *@b.example"
    assert found.pattern == "tools/call refund with $.iban, $.password, $.to"


def test_a_listed_tool_is_only_prepared() -> None:
    found = make_listed_command("refund", SUBJECT, lambda: "c")
    assert (found.stage, found.text, found.facts.tools) == (Stage.PREPARE, "tools/call refund", ("refund",))


def test_what_is_sent() -> None:
    request = Request(1, words.CALL, {"name": "refund", "_meta": {REASON: "x", "progressToken": 2}})
    assert sent_body(request, "c")["params"] == {"name": "refund", "_meta": {"progressToken": 2}}
    assert sent_body(request, "c")["id"] == "c", "the gateway's own"
    assert sent_body(Answer(3, "result", {"a": 1}), "c") == {"jsonrpc": "2.0", "id": 3, "result": {"a": 1}}
    assert "id" not in sent_body(Notification(words.CANCELLED, {"requestId": 1}), "c")
