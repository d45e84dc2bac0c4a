"""Identifiers: unique, sortable, and the same for the same cause."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.ids import approval_id, derived_id, time_of, uuid7

# RFC 9562, section 5.7, has 48 bits of milliseconds since 1970.
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_a_uuid7_is_one_by_the_rfc(at: datetime) -> None:
    value = uuid.UUID(uuid7(at))
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == int(at.timestamp() * 1000)
    # What a float has of the year 9999 is off by some microseconds.
    assert abs(time_of(str(value)) - at) <= timedelta(milliseconds=1, microseconds=100)


def test_no_other_id_tells_its_time() -> None:
    for id in (derived_id("verdict", "a"), str(uuid.uuid4()), "0198f3c2"):
        with pytest.raises(ValueError, match="UUID"):
            time_of(id)


@given(MOMENTS, st.timedeltas(timedelta(milliseconds=1), timedelta(days=9000)))
def test_later_sorts_later(at: datetime, more: timedelta) -> None:
    assume(at.year < 9970)
    assert uuid7(at) < uuid7(at + more)


def test_many_at_one_moment_differ() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert len({uuid7(at) for _ in range(10_000)}) == 10_000


@given(
    st.text(max_size=10),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10), max_size=3),
)
def test_what_follows_from_the_same_has_the_same_id(kind: str, parts: list[str]) -> None:
    value = uuid.UUID(derived_id(kind.replace("\0", ""), *parts))
    assert str(value) == derived_id(kind.replace("\0", ""), *parts)
    assert (value.version, value.variant) == (8, uuid.RFC_4122)


def test_what_follows_from_another_has_another_id() -> None:
    assert derived_id("verdict", "ab", "c") != derived_id("verdict", "a", "bc")
    assert derived_id("verdict", "a") != derived_id("settled", "a")


def test_approvals_are_told_apart_by_their_first_eight_digits() -> None:
    """Commands of one second share the first digits of their ids; their approvals must not."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    commands = [uuid7(start + timedelta(milliseconds=n)) for n in range(500)]
    assert len({approval_id(command)[:8] for command in commands}) == 500
