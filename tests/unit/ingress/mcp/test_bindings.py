"""Ids of sessions and events are their principal's."""

import pytest

from ingress.mcp.bindings import Bindings
from schemas.vocabulary import Principal, PrincipalKind

AGENT = Principal("agent-7", PrincipalKind.AGENT)
OWN = Bindings(b"key", AGENT, "shop")
FOREIGN = [
    Bindings(b"key", Principal("agent-8", PrincipalKind.AGENT), "shop"),
    Bindings(b"key", Principal("agent-7", PrincipalKind.AGENT, acts_for="dana"), "shop"),
    Bindings(b"key", AGENT, "other"),
    Bindings(b"another", AGENT, "shop"),
]


@pytest.mark.parametrize("id", ["1", "a.b.c", "x" * 1024])
def test_what_was_bound_is_read(id: str) -> None:
    bound = OWN.bind_session(id)
    assert bound is not None
    assert OWN.session(bound) == id
    event = OWN.bind_event("session", id, answers=True)
    assert event is not None
    assert OWN.event("session", event) == (id, True)


@pytest.mark.parametrize("other", FOREIGN)
def test_it_is_nobody_elses(other: Bindings) -> None:
    session, event = OWN.bind_session("1"), OWN.bind_event("s", "1", answers=False)
    assert session is not None
    assert event is not None
    assert other.session(session) is None
    assert other.event("s", event) is None


def test_a_position_is_of_one_session_and_one_kind_of_stream() -> None:
    event = OWN.bind_event("s", "1", answers=False)
    assert event is not None
    assert OWN.event("s", event) == ("1", False)
    assert OWN.event("t", event) is None
    assert OWN.session(event) is None


@pytest.mark.parametrize("id", ["", "a b", "ä", "x" * 1025, "a\n"])
def test_ids_that_are_none(id: str) -> None:
    assert OWN.bind_session(id) is None
    assert OWN.session(f"{id}.{'0' * 32}") is None
