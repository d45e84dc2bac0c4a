from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.commands import AGENT_7, DELETE, NOW, READ, requested
from support.grants import FINGERPRINT, RULE, grant_issued

from processors.grants.grant import REMEMBERED, Grant
from schemas.vocabulary import Facts, GrantKind, Intent, Stage

SOON = NOW + timedelta(seconds=30)
SESSION = "0198f3c2-0000-7000-8000-000000000001"


def covers(issued: dict[str, Any], asked: dict[str, Any], rules: tuple[str, ...] = (RULE,)) -> bool:
    event = grant_issued(**issued)
    grant = Grant(event, event.envelope.time)
    fields: dict[str, Any] = {"facts": DELETE, "at": SOON, "fingerprint": FINGERPRINT} | asked
    request = requested(**fields)
    return grant.covers(request, rules, SOON)


@pytest.mark.parametrize(
    ("issued", "asked", "expected"),
    [
        ({}, {}, True),
        ({}, {"fingerprint": "e" * 64}, False),
        ({"fingerprint": ""}, {"fingerprint": ""}, False),
        ({}, {"stage": Stage.PREPARE}, False),
        ({}, {"unmask": ("public.customers.email",)}, False),
        ({}, {"resource": "other"}, False),
        ({}, {"principal": replace(AGENT_7, name="agent-8")}, False),
        ({}, {"principal": replace(AGENT_7, acts_for="bob")}, False),
        ({"acts_for": "bob"}, {"principal": replace(AGENT_7, acts_for="bob")}, True),
        ({"acts_for": "bob"}, {}, False),
        ({"at": SOON + timedelta(microseconds=1)}, {}, False),  # asked before it was given
        ({"starts_at": SOON + timedelta(seconds=1)}, {}, False),
        ({"lasts": timedelta(seconds=30)}, {}, False),
        ({"lasts": timedelta(seconds=31)}, {}, True),
    ],
)
def test_a_pattern(issued: dict[str, Any], asked: dict[str, Any], expected: bool) -> None:
    assert covers(issued, asked) is expected


@pytest.mark.parametrize(
    ("rules", "expected"), [((RULE,), True), ((RULE, "b" * 64), False), (("b" * 64,), False), ((), False)]
)
def test_it_stands_for_the_review_of_its_rules_as_they_were(rules: tuple[str, ...], expected: bool) -> None:
    """A rule that has changed since has another digest, and one that was not asked is asked."""
    assert covers({}, {}, rules) is expected


@pytest.mark.parametrize(
    ("intents", "session", "expected"),
    [
        ((Intent.READ,), SESSION, True),
        ((Intent.READ, Intent.SESSION), SESSION, True),
        ((Intent.READ,), "another", False),
        ((Intent.READ, Intent.WRITE), SESSION, False),
        ((Intent.PROBE, Intent.READ), SESSION, False),
        ((Intent.UNKNOWN,), SESSION, False),
        ((), SESSION, False),
    ],
)
def test_a_session(intents: tuple[Intent, ...], session: str, expected: bool) -> None:
    issued = {"kind": GrantKind.SESSION, "session": SESSION}
    assert covers(issued, {"facts": Facts(intents), "session": session}) is expected


@pytest.mark.parametrize(
    ("intents", "expected"),
    [
        ((Intent.WRITE,), True),
        ((Intent.SESSION, Intent.WRITE), True),
        ((Intent.BULK_WRITE, Intent.WRITE), False),
        ((Intent.UNKNOWN, Intent.WRITE), False),
        ((), False),
    ],
)
def test_a_window(intents: tuple[Intent, ...], expected: bool) -> None:
    assert (
        covers({"kind": GrantKind.WINDOW, "intents": (Intent.WRITE,)}, {"facts": Facts(intents)}) is expected
    )


def test_uses_are_counted_and_ended_ones_are_forgotten_after_their_deadline() -> None:
    grant = Grant(grant_issued(uses=2), NOW)
    first, second = (requested(READ, at=SOON, fingerprint=FINGERPRINT) for _ in range(2))
    grant = grant.use(first, SOON).finish(first.envelope.command)
    assert grant.covers(second, (RULE,), SOON)
    grant = grant.use(second, SOON)
    assert not grant.covers(requested(READ, at=SOON, fingerprint=FINGERPRINT), (RULE,), SOON)
    assert [use.is_over for use in grant.uses] == [True, False]
    late = SOON + timedelta(hours=1)
    assert [use.command for use in grant.use(first, late).uses] == [
        second.envelope.command,
        first.envelope.command,
    ]


def test_it_does_not_grow_without_end() -> None:
    grant = Grant(grant_issued(), NOW)
    for _ in range(REMEMBERED + 50):
        request = requested(READ, at=SOON)
        grant = grant.use(request, SOON).finish(request.envelope.command)
    assert len(grant.uses) <= REMEMBERED + 1
    assert grant.used == REMEMBERED + 50
