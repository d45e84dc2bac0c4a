"""Approvals as lines for people."""

from datetime import timedelta
from typing import Any

from support.reviews import DANA, NOW, decided, requested, settled

from api.cli.approvals import bundled, line, sheet
from api.inbox import Inbox, Position
from api.showing import view
from schemas.events import Event


def as_json(*events: Event) -> dict[str, Any]:
    """The approval after these events, as the API's JSON."""
    inbox = Inbox()
    for offset, event in enumerate(events):
        inbox.apply(event, Position(0, offset))
    [approval] = (*inbox.pending(), *inbox.settled())
    return view(approval, DANA, NOW).model_dump(mode="json")


def test_a_pending_one_says_how_long_it_waits() -> None:
    approval = as_json(requested())

    assert line(approval, NOW + timedelta(seconds=19)) == (
        f'{approval["id"][:8]}  agent-7 → orders  write  "delete from orders where id = 7"  9m 41s left'
    )


def test_a_settled_one_says_how_it_ended() -> None:
    request = requested()

    assert line(as_json(request, settled(request)), NOW).endswith("  approved by dana")


def test_what_is_to_be_unmasked_is_on_the_sheet() -> None:
    printed = "\n".join(sheet(as_json(requested(unmask=("public.customers.email",)))))

    assert "unmasked:    asks to see public.customers.email as they are" in printed


def test_a_long_command_is_cut_with_a_sign_and_cannot_move_the_cursor() -> None:
    printed = line(as_json(requested(text="select 1;\n" * 100 + "\x1b[2J")), NOW)

    assert "…" in printed
    assert "\n" not in printed
    assert "\x1b" not in printed


def test_the_sheet_has_everything() -> None:
    request = requested(text="delete from orders\nwhere id = $1", parameters=("7\x1b", None), approvals=2)

    printed = "\n".join(sheet(as_json(request, decided(request))))

    for part in (
        "delete from orders\nwhere id = $1",
        "7<U+001B>",
        "NULL",
        "changes need a DBA",
        "public.orders.id",
        "approve by dana: OPS-12, fine",
        "dba, 2 needed",
        "search_path:",
        request.digest,
        "You have decided already",
    ):
        assert part in printed


def test_identical_requests_are_one_line() -> None:
    one, two, other = ({"id": id, "identical": same} for id, same in (("1", ["2"]), ("2", ["1"]), ("3", [])))
    assert [found["id"] for found in bundled([one, other, two])] == ["1", "3"]

    shown = as_json(requested()) | {"identical": ["2", "3"]}
    assert line(shown, NOW).endswith("left, asked 3 times")
    assert "2 more of the very same; --identical answers them, too" in "\n".join(sheet(shown))
