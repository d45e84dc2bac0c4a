from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import AGENT_7, DANA, NOW, READ, command

from processors.policy.command import Command, Resource
from processors.policy.matchers import MATCHERS, compile_command_pattern
from processors.policy.rule import Hours, When
from schemas.vocabulary import Facts, Intent, PrincipalKind

ALL_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def matches(key: str, value: Any, seen: Command, *, every: bool = False, now: datetime = NOW) -> bool:
    return MATCHERS[key](value, every)(seen, now)


def test_every_key_of_a_rule_has_its_matcher() -> None:
    assert set(MATCHERS) == {field.name for field in fields(When)}


def test_the_expression_is_asked_last() -> None:
    """It costs most, and a failing one counts only where all other keys match."""
    assert list(MATCHERS)[-1] == "expression"


@pytest.mark.parametrize(
    ("key", "value", "other"),
    [
        ("users", ("agent-7", "x"), ("agent-8", "Agent-7", "agent-*")),
        ("groups", ("x", "agents"), ("Agents", "agent")),
        ("kinds", (PrincipalKind.AGENT,), (PrincipalKind.PERSON,)),
        ("resources", ("orders",), ("order", "Orders", "orders2")),
        ("resources", ("ord*",), ("x*", "ord?")),
        ("resources", ("[no]rders",), ("[!o]rders",)),
        ("labels", {"env": "prod"}, {"env": "test"}),
        ("labels", {}, {"env": "prod", "tier": "gold"}),
        ("command", "SELECT id", "drop"),
        ("command", r"^select\s", "^id"),
        ("networks", ("10.1.0.0/16", "::1/128"), ("10.2.0.0/16",)),
        ("expression", "principal.name == 'agent-7'", "principal.name == 'dana'"),
    ],
)
def test_a_key_matches_or_does_not(key: str, value: Any, other: Any) -> None:
    for every in (False, True):
        assert matches(key, value, command(), every=every)
        assert not matches(key, other, command(), every=every)


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        ("intents", lambda some: Facts(tuple(Intent(name) for name in some))),
        ("statements", lambda some: Facts((Intent.READ,), statements=some)),
        ("tables", lambda some: Facts((Intent.READ,), tables=some)),
        ("columns", lambda some: Facts((Intent.READ,), columns=some)),
        ("functions", lambda some: Facts((Intent.READ,), functions=some)),
        ("programs", lambda some: Facts((Intent.READ,), programs=some)),
        ("methods", lambda some: Facts((Intent.READ,), methods=some)),
        ("paths", lambda some: Facts((Intent.READ,), paths=some)),
        ("verbs", lambda some: Facts((Intent.READ,), verbs=some)),
        ("kinds_of_object", lambda some: Facts((Intent.READ,), kinds_of_object=some)),
        ("namespaces", lambda some: Facts((Intent.READ,), namespaces=some)),
    ],
)
def test_an_allow_rule_covers_all_and_another_is_hit_by_any(
    key: str, facts: Callable[[tuple[str, ...]], Facts]
) -> None:
    one, both = command(facts(("read",))), command(facts(("read", "write")))
    listed: Any = (Intent.READ,) if key == "intents" else ("read",)
    assert matches(key, listed, one, every=True)
    assert not matches(key, listed, both, every=True)
    assert matches(key, listed, both, every=False)
    assert not matches(key, (Intent.DDL,) if key == "intents" else ("ddl",), both, every=False)


def test_a_rule_of_a_namespace_and_what_is_in_all_or_none() -> None:
    everywhere = command(Facts((Intent.READ,), namespaces=("*",)))
    nowhere = command(Facts((Intent.READ,)))
    assert not matches("namespaces", ("dev",), everywhere, every=True)
    assert matches("namespaces", ("dev",), everywhere, every=False)
    assert not matches("namespaces", ("*",), nowhere, every=True)
    assert matches("namespaces", ("*",), everywhere, every=True)


def test_names_are_globs_and_case_counts() -> None:
    seen = command(Facts((Intent.READ,), tables=("public.orders", "public.Orders")))
    assert matches("tables", ("public.*",), seen, every=True)
    assert matches("tables", ("*.[oO]rders",), seen, every=True)
    assert not matches("tables", ("public.orders",), seen, every=True)
    assert not matches("tables", ("orders",), seen)


def test_a_dot_of_the_pattern_is_a_dot() -> None:
    seen = command(Facts((Intent.READ,), tables=("publicXorders",)))
    assert not matches("tables", ("public.*",), seen)


class TestCommandPattern:
    def test_neither_case_nor_line_ends_hide_anything(self) -> None:
        seen = command(text="DrOp\n  TABLE orders")
        assert matches("command", r"drop\s+table", seen)
        assert matches("command", r"drop.+orders", seen)

    @pytest.mark.parametrize("pattern", ["(", "[", r"(a)\1", "(?=a)", "(?<=a)b"])
    def test_what_re2_does_not_know_is_refused(self, pattern: str) -> None:
        with pytest.raises(ValueError, match="RE2"):
            compile_command_pattern(pattern)

    def test_no_text_makes_it_slow(self) -> None:
        """This pattern takes a backtracking engine longer than anyone waits."""
        pattern = compile_command_pattern("^(a+)+$")
        assert pattern.search("a" * 50_000 + "b") is None


class TestHours:
    OFFICE = Hours("08:00", "18:00", "Europe/Berlin", ("mon", "tue", "wed", "thu", "fri"))
    NIGHT = Hours("22:00", "06:00", "UTC", ("fri",))

    @pytest.mark.parametrize(
        ("hours", "moment", "within"),
        [
            (OFFICE, datetime(2026, 3, 2, 7, 0, tzinfo=UTC), True),  # Monday, 08:00 in Berlin
            (OFFICE, datetime(2026, 3, 2, 6, 59, 59, tzinfo=UTC), False),
            (OFFICE, datetime(2026, 3, 2, 16, 59, 59, tzinfo=UTC), True),
            (OFFICE, datetime(2026, 3, 2, 17, 0, tzinfo=UTC), False),
            (OFFICE, datetime(2026, 7, 6, 6, 0, tzinfo=UTC), True),  # summer time
            (OFFICE, datetime(2026, 3, 7, 9, 0, tzinfo=UTC), False),  # Saturday
            (NIGHT, datetime(2026, 3, 6, 22, 0, tzinfo=UTC), True),  # Friday night
            (NIGHT, datetime(2026, 3, 7, 5, 59, tzinfo=UTC), True),  # and after midnight
            (NIGHT, datetime(2026, 3, 7, 6, 0, tzinfo=UTC), False),
            (NIGHT, datetime(2026, 3, 6, 5, 0, tzinfo=UTC), False),  # the night of Thursday
            (NIGHT, datetime(2026, 3, 7, 23, 0, tzinfo=UTC), False),
        ],
    )
    def test_the_window_is_in_its_zone(self, hours: Hours, moment: datetime, within: bool) -> None:
        assert matches("hours", hours, command(), now=moment) is within

    @given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)))
    def test_two_halves_of_a_day_are_the_day(self, moment: datetime) -> None:
        day = Hours("06:00", "21:30", "America/New_York", ALL_DAYS)
        night = Hours("21:30", "06:00", "America/New_York", ALL_DAYS)
        assert matches("hours", day, command(), now=moment) is not matches(
            "hours", night, command(), now=moment
        )


class TestNetworks:
    @pytest.mark.parametrize(
        ("address", "within"),
        [
            ("10.1.2.3:5432", True),
            ("10.2.2.3:5432", False),
            ("[::1]:5432", True),
            ("[fe80::1%eth0]:99", True),
            ("[::ffff:10.1.9.9]:1", True),  # an IPv4 client of an IPv6 socket
        ],
    )
    def test_an_address_is_within(self, address: str, within: bool) -> None:
        networks = ("10.1.0.0/16", "::1/128", "fe80::/10")
        assert matches("networks", networks, command(client_address=address)) is within

    @pytest.mark.parametrize("address", ["", "unix", "somewhere:1", "/tmp/.s.PGSQL.5432", "10.1.2:1"])
    def test_an_address_nobody_can_tell_never_helps(self, address: str) -> None:
        seen = command(client_address=address)
        assert not matches("networks", ("0.0.0.0/0", "::/0"), seen, every=True)
        assert matches("networks", ("192.0.2.0/24",), seen, every=False)


def test_what_keeps_a_person_keeps_an_agent_for_them_and_nothing_is_lent() -> None:
    for_dana = replace(AGENT_7, acts_for="dana", acts_for_groups=("dba",))
    seen = command(READ, principal=for_dana)
    for key, value in (("users", ("dana",)), ("groups", ("dba",))):
        assert matches(key, value, seen, every=False)
        assert not matches(key, value, seen, every=True)
        assert not matches(key, value, command(READ), every=False)
    for key, value in (("acts_for", ("da*",)), ("acts_for_groups", ("dba",))):
        for every in (False, True):
            assert matches(key, value, seen, every=every)
            assert not matches(key, value, command(READ), every=every)
    assert not matches("acts_for", ("*",), command(READ))
    assert matches("expression", "principal.acts_for == 'dana' && 'dba' in principal.acts_for_groups", seen)


def test_the_principal_and_the_resource_are_the_commands_own() -> None:
    mine = command(READ, principal=DANA, resource=Resource("shop", {"env": "test"}))
    assert matches("groups", ("dba",), mine)
    assert not matches("groups", AGENT_7.groups, mine)
    assert matches("resources", ("shop",), mine)
