import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from support.commands import NOW, requested
from support.events import events

from projections.columns import DEFAULTS, Columns
from projections.rows import (
    ROWS,
    Place,
    event_row,
    micros,
    rejected_row,
    rows_of,
    time_in,
)
from schemas import events as e
from schemas.envelope import envelope
from schemas.events import EVENTS
from schemas.ids import approval_id, uuid7
from schemas.vocabulary import MaskedField, Outcome, Role

PLACE = Place("countersign.commands", 3, 41, 1_700_000_000_123)
LINK = b"\x07" * 32


def rows(event: e.Event, table: str) -> Sequence[Columns]:
    return [row.columns for row in rows_of(event, PLACE) if row.table == table]


def test_every_event_has_rows() -> None:
    assert set(ROWS) == set(EVENTS.values())


@given(events())
def test_any_event_gives_rows_of_known_columns_only(event: e.Event) -> None:
    for row in [event_row(event, PLACE, b"raw", LINK), *rows_of(event, PLACE)]:
        defaults = DEFAULTS[row.table]
        assert set(row.columns) <= set(defaults)
        for name, value in row.columns.items():
            assert type(value) is type(defaults[name])
            assert not isinstance(value, int) or -(2**63) <= value < 2**63


@given(events())
def test_the_same_event_gives_the_same_rows(event: e.Event) -> None:
    assert list(rows_of(event, PLACE)) == list(rows_of(event, PLACE))


@given(events())
def test_the_payload_is_json_without_the_envelope(event: e.Event) -> None:
    payload = event_row(event, PLACE, b"raw", LINK).columns["payload"]
    assert isinstance(payload, str)
    fields = json.loads(payload)
    assert "envelope" not in fields
    assert "frames" not in fields


def test_the_row_of_an_event() -> None:
    event = requested(text="select 1", sealed=b"\x00\xff")
    columns = event_row(event, PLACE, b"raw", LINK).columns
    assert columns["type"] == "CommandRequested"
    assert columns["session"] == event.envelope.session
    assert columns["command"] == event.envelope.command
    assert (columns["topic"], columns["partition"], columns["offset"]) == ("countersign.commands", 3, 41)
    assert columns["stored_at"] == 1_700_000_000_123
    assert columns["time"] == micros(NOW)
    assert columns["raw"] == b"raw"
    assert columns["raw_hash"] == hashlib.sha256(b"raw").digest()
    assert columns["chain"] == LINK
    payload = json.loads(str(columns["payload"]))
    assert payload["text"] == "select 1"
    assert base64.b64decode(payload["sealed"]) == b"\x00\xff"


def test_of_what_is_no_event_only_the_hash_is_kept() -> None:
    columns = rejected_row("not signed", PLACE, b"4111111111111111", LINK).columns
    assert columns["reason"] == "not signed"
    assert columns["raw_hash"] == hashlib.sha256(b"4111111111111111").digest()
    assert b"4111" not in b"".join(value for value in columns.values() if isinstance(value, bytes))
    assert "type" not in columns


def test_a_command_is_one_row_whatever_says_something_of_it() -> None:
    event = requested(at=NOW)
    about = event.envelope
    finished = e.CommandFinished(
        envelope=envelope(NOW, "n", session=about.session, command=about.command, principal="agent-7"),
        outcome=Outcome.SUCCEEDED,
        rows=2,
        bytes=30,
        microseconds=400,
        error_code="",
        error="",
        masked=(MaskedField("public.customers.card", "card", 2), MaskedField("detector:email", "email", 1)),
    )
    first, second = rows(event, "command_rows")[0], rows(finished, "command_rows")[0]
    key = ("at", "command")
    assert [first[name] for name in key] == [second[name] for name in key]
    assert second["masked"] == 3
    shared = set(first) & set(second) - {*key, "session"}
    assert shared == set(), "two events that say something of one column would compete"
    fields = [(row["field"], row["count"]) for row in rows(finished, "masked_field_rows")]
    assert fields == [("public.customers.card", 2), ("detector:email", 1)]


def test_a_chunks_row_says_where_its_frames_are() -> None:
    event = e.RecordingChunk(
        envelope=envelope(NOW, "n", session="s"), sequence=4, format="postgres", frames=b"12345"
    )
    (columns,) = rows(event, "recording_rows")
    assert (columns["topic"], columns["partition"], columns["offset"]) == ("countersign.commands", 3, 41)
    assert columns["bytes"] == 5
    assert b"12345" not in columns.values()


def test_a_heartbeat_names_the_incarnation() -> None:
    started = NOW - timedelta(hours=1)
    event = e.NodeHeartbeat(
        envelope=envelope(NOW, "ingress@h#2"), role=Role.INGRESS, started_at=started, status="ready"
    )
    (columns,) = rows(event, "node_rows")
    assert columns == {
        "node": "ingress@h#2",
        "role": "ingress",
        "started_at": micros(started),
        "last_seen": micros(NOW),
    }


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), 1_000_005),
        (datetime(1969, 1, 1, tzinfo=UTC), 0),
        (datetime(9999, 1, 1, tzinfo=UTC), 10_413_791_999_999_999),
    ],
)
def test_times_are_within_what_the_tables_hold(moment: datetime, expected: int) -> None:
    assert micros(moment) == expected


def test_the_time_in_an_id() -> None:
    assert time_in(uuid7(NOW)) == int(NOW.timestamp() * 1000)
    assert time_in(approval_id("x")) == 0
    assert time_in("") == time_in("session-1") == 0
