import json
from typing import Any

from support.reviews import requested, settled

from api.inbox import Change, Inbox, Position
from api.notifications.slack.message import parse_value, slack_payload
from schemas.events import Event
from schemas.vocabulary import Facts, Intent


def shown(*events: Event) -> dict[str, Any]:
    inbox = Inbox()
    change: Change | None = None
    for number, event in enumerate(events):
        change = inbox.apply(event, Position(0, number))
    assert change is not None
    return dict(json.loads(slack_payload(change, "https://gw.example")))


def of_kind(value: Any, kind: str) -> list[dict[str, Any]]:
    """All objects of this type in a message."""
    found = []
    if isinstance(value, dict):
        found += [value] if value.get("type") == kind else []
        found += [one for inner in value.values() for one in of_kind(inner, kind)]
    elif isinstance(value, list):
        found += [one for inner in value for one in of_kind(inner, kind)]
    return found


def test_the_exact_command_is_shown_literally_and_a_button_carries_its_digest() -> None:
    request = requested(text="delete from orders -- <!channel> *bold* <https://evil|here>\u202e")
    message = shown(request)
    (literal,) = of_kind(message, "rich_text_preformatted")
    assert literal["elements"][0]["text"] == (
        "delete from orders -- <!channel> *bold* <https://evil|here><U+202E>"
    )
    assert of_kind(message, "mrkdwn") == []
    approve, reject, page = of_kind(message, "button")
    assert parse_value(approve["value"]) == parse_value(reject["value"]) == (request.approval, request.digest)
    assert page["url"] == f"https://gw.example/approvals/{request.approval}"


def test_the_text_beside_the_blocks_mentions_nobody() -> None:
    message = shown(requested(facts=Facts((Intent.WRITE,), ("delete",), ("public.<!channel>",))))
    assert "<" not in message["text"]
    assert "&lt;!channel&gt;" in message["text"]


def test_what_a_message_cannot_show_whole_has_no_button_that_decides() -> None:
    for request in (requested(text="x" * 2501), requested(parameters=("7",))):
        message = shown(request)
        assert [button["action_id"] for button in of_kind(message, "button")] == ["open"]


def test_the_end_replaces_the_buttons() -> None:
    request = requested()
    message = shown(request, settled(request, comment="OPS-12, fine"))
    assert message["is_end"] is True
    assert [button["action_id"] for button in of_kind(message, "button")] == ["open"]
    assert any("approved by dana" in text["text"] for text in of_kind(message, "plain_text"))


def test_what_is_not_proven_or_asks_for_more_is_said() -> None:
    facts = Facts((Intent.UNKNOWN,), ("do",), unproven=("what it runs is computed",))
    message = json.dumps(shown(requested(facts=facts, unmask=("public.c.email",))))
    assert "what it runs is computed" in message
    assert "public.c.email" in message
