"""A digest is for one command and no other."""

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.digest import command_digest
from schemas.vocabulary import ContextItem, Stage

# A small alphabet makes near misses likely: the same letters cut into other parts.
TEXT = st.text(alphabet="ab1-\x00", max_size=6)
COMMANDS = st.fixed_dictionaries(
    {
        "stage": st.sampled_from(Stage),
        "principal": TEXT,
        "resource": TEXT,
        "text": TEXT,
        "parameters": st.lists(st.none() | st.binary(max_size=4), max_size=3).map(tuple),
        "context": st.lists(st.builds(ContextItem, TEXT, TEXT), max_size=3, unique_by=lambda item: item.name),
    }
)


def canonical(command: dict[str, Any]) -> dict[str, Any]:
    """The command with what may be in any order in one order."""
    return command | {"context": sorted(command["context"], key=lambda item: item.name)}


@given(COMMANDS, COMMANDS)
def test_two_commands_never_share_a_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(canonical(one) != canonical(other))
    assert command_digest(**one) != command_digest(**other)


@given(COMMANDS, st.data())
def test_the_order_of_the_context_does_not_matter(command: dict[str, Any], data: st.DataObject) -> None:
    shuffled: Sequence[ContextItem] = data.draw(st.permutations(command["context"]))
    assert command_digest(**command) == command_digest(**command | {"context": shuffled})


@given(st.data(), TEXT, TEXT)
def test_moving_the_border_between_two_parts_changes_it(data: st.DataObject, one: str, other: str) -> None:
    joined = one + other
    at = data.draw(st.integers(0, len(joined)))
    assume(at != len(one))

    def digest(principal: str, resource: str) -> str:
        return command_digest(
            stage=Stage.EXECUTE, principal=principal, resource=resource, text="", parameters=(), context=()
        )

    assert digest(one, other) != digest(joined[:at], joined[at:])


def test_null_is_not_empty() -> None:
    command: dict[str, Any] = {
        "stage": Stage.EXECUTE,
        "principal": "agent-7",
        "resource": "orders",
        "text": "select $1",
        "context": (),
    }
    assert command_digest(**command, parameters=(None,)) != command_digest(**command, parameters=(b"",))
    assert command_digest(**command, parameters=()) != command_digest(**command, parameters=(None,))


def test_the_form_is_kept_between_versions() -> None:
    """A verdict for a digest must still be for it after an upgrade: a new form is a new domain word."""
    digest = command_digest(
        stage=Stage.EXECUTE,
        principal="agent-7",
        resource="orders",
        text="delete from orders where id = $1",
        parameters=(b"7", None),
        context=(ContextItem("search_path", "public"), ContextItem("role", "app")),
    )
    parts: tuple[bytes | None, ...] = (b"countersign command digest v1", b"execute", b"agent-7", b"orders")
    parts += (b"delete from orders where id = $1", b"2", b"7", None)
    parts += (b"role", b"app", b"search_path", b"public")
    form = b"".join(struct.pack(">q", -1 if part is None else len(part)) + (part or b"") for part in parts)
    assert digest == hashlib.sha256(form).hexdigest()
