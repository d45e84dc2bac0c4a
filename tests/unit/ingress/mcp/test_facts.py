"""What messages do."""

from typing import Any

import pytest

from ingress.mcp import words
from ingress.mcp.definitions import Pin
from ingress.mcp.facts import Known, read_message, tool_facts
from ingress.mcp.messages import Answer, BadMessage, Notification, Request
from ingress.web.selectors import Selectors
from schemas.vocabulary import Facts, Intent, SensitiveColumn

KNOWN = Known(
    {"get_*": (Intent.READ,), "*_all": (Intent.BULK_WRITE, Intent.WRITE)},
    {
        "get_one": Pin("1"),
        "get_all": Pin("2"),
        "get_evil": Pin("3", (Intent.WRITE,)),
        "get_new": Pin("4", (), "5"),
        "x": Pin("6"),
    },
    Selectors((SensitiveColumn("$..email", "email"),)),
)


def call(name: str, **arguments: Any) -> Facts:
    return read_message(Request(1, words.CALL, {"name": name, "arguments": arguments}), KNOWN)


def test_a_call() -> None:
    facts = call("get_one", customer={"id": 1, "tags": ["a", "b"]}, x=None)
    assert facts == Facts(
        intents=(Intent.READ,),
        statements=("tools/call",),
        columns=("$.customer.id", "$.customer.tags", "$.x"),
        functions=("get_one",),
        methods=("POST",),
        tools=("get_one",),
    )


def test_all_globs_that_match_count() -> None:
    assert call("get_all").intents == (Intent.BULK_WRITE, Intent.READ, Intent.WRITE)


def test_what_the_server_says_against_it() -> None:
    assert call("get_evil").intents == (Intent.READ, Intent.WRITE)


def test_what_is_not_known_or_has_changed() -> None:
    assert call("x").intents == (Intent.UNKNOWN,)
    assert "not configured" in call("x").unproven[0]
    assert call("get_new").intents == (Intent.READ, Intent.UNKNOWN)
    assert "changed" in call("get_new").unproven[0]
    assert tool_facts("get_one", KNOWN).intents == (Intent.READ,)


def test_naming_a_sensitive_field_in_a_read_is_a_probe() -> None:
    for facts in (call("get_one", email="j%"), call("get_one", filter="email like 'j%'")):
        assert (facts.intents, facts.probed) == ((Intent.PROBE, Intent.READ), ("$..email",))
    assert Intent.PROBE not in call("get_all", email="x").intents, "it writes"


@pytest.mark.parametrize("name", ["Get_one", "get_one ", "never", ""])
def test_only_listed_tools(name: str) -> None:
    with pytest.raises(BadMessage):
        call(name)


def test_the_rest() -> None:
    read = read_message(Request(1, words.READ, {"uri": "note://x/1"}), KNOWN)
    assert (read.intents, read.paths, read.tools) == ((Intent.READ,), ("note://x/1",), ())
    prompt = read_message(Request(1, words.PROMPT, {"name": "greet", "arguments": {"a": "b"}}), KNOWN)
    assert (prompt.functions, prompt.columns) == (("greet",), ("$.a",))
    listed = read_message(Request(1, words.LIST_TOOLS, {}), KNOWN)
    assert (listed.intents, listed.statements) == ((Intent.READ,), ("tools/list",))
    for message in (Request(1, "ping", {}), Notification(words.CANCELLED, {}), Answer(1, "result", {})):
        assert read_message(message, KNOWN).intents == (Intent.SESSION,)
    with pytest.raises(BadMessage):
        read_message(Request(1, words.READ, {"uri": "note://x/../y"}), KNOWN)
