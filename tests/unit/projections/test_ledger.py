import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.ledger import (
    EVENTS_UNTIL_CHECKPOINT,
    SECONDS_UNTIL_CHECKPOINT,
    ChainCheck,
    Entry,
    Head,
    Ledger,
    Partition,
    first_link,
    next_link,
)

PLACE: Partition = ("countersign.commands", 3)

# Offsets with gaps (compaction and transactions leave some), and an event's bytes for each.
histories = st.dictionaries(st.integers(0, 1000), st.binary(max_size=20), min_size=1, max_size=20).map(
    lambda found: sorted(found.items())
)


def entries(history: list[tuple[int, bytes]]) -> list[Entry]:
    ledger = Ledger({}, {}, 0.0)
    return [
        Entry(offset, hashlib.sha256(raw).digest(), ledger.append(PLACE, offset, raw, 0.0))
        for offset, raw in history
    ]


def problem(found: list[Entry], links: dict[int, bytes] | None = None) -> str | None:
    check = ChainCheck(PLACE, links or {})
    for entry in found:
        check.add(entry)
    return check.problem


def test_a_link_is_what_the_documentation_says() -> None:
    ledger = Ledger({}, {}, 0.0)
    one = ledger.append(PLACE, 0, b"a", 0.0)
    two = ledger.append(PLACE, 1, b"b", 0.0)
    assert one == hashlib.sha256(first_link(PLACE) + hashlib.sha256(b"a").digest()).digest()
    assert two == next_link(one, hashlib.sha256(b"b").digest())


def test_no_two_partitions_begin_alike() -> None:
    assert first_link(("a", 1)) != first_link(("a", 2)) != first_link(("b", 2))


@given(histories)
def test_what_was_written_holds(history: list[tuple[int, bytes]]) -> None:
    found = entries(history)
    assert problem(found) is None
    assert problem(found, {found[-1].offset: found[-1].link}) is None


@given(histories, st.data())
def test_it_goes_on_after_a_restart_as_if_there_was_none(
    history: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    whole = entries(history)
    before = whole[:cut]
    heads = {PLACE: Head(before[-1].offset, before[-1].link)} if before else {}
    ledger = Ledger(heads, {}, 0.0)
    after = [ledger.append(PLACE, offset, raw, 0.0) for offset, raw in history[cut:]]
    assert after == [entry.link for entry in whole[cut:]]


@given(histories, st.data())
def test_an_event_that_was_changed_or_left_out_is_found(
    history: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    found = entries(history)
    last = {found[-1].offset: found[-1].link}
    at = data.draw(st.integers(0, len(found) - 1))
    changed = Entry(found[at].offset, hashlib.sha256(b"another").digest(), found[at].link)
    assert problem([*found[:at], changed, *found[at + 1 :]], last) is not None
    assert problem([*found[:at], *found[at + 1 :]], last) is not None


@given(histories)
def test_a_chain_that_was_computed_anew_does_not_match_its_checkpoint(
    history: list[tuple[int, bytes]],
) -> None:
    signed = {entry.offset: entry.link for entry in entries(history)[-1:]}
    forged = entries([(offset, raw + b"!") for offset, raw in history])
    assert problem(forged) is None
    assert "checkpoint signed" in str(problem(forged, signed))


def test_events_come_in_order() -> None:
    ledger = Ledger({PLACE: Head(7, b"\x00" * 32)}, {}, 0.0)
    with pytest.raises(ValueError, match="offset 7 after offset 7"):
        ledger.append(PLACE, 7, b"", 0.0)


def test_a_checkpoint_is_due_after_so_many_events() -> None:
    ledger = Ledger({}, {}, 0.0)
    for offset in range(EVENTS_UNTIL_CHECKPOINT - 1):
        ledger.append(PLACE, offset, b"", 0.0)
    assert ledger.due(0.0) == []
    link = ledger.append(PLACE, EVENTS_UNTIL_CHECKPOINT, b"", 0.0)
    (checkpoint,) = ledger.due(0.0)
    assert (checkpoint.partition, checkpoint.offset, checkpoint.link) == (
        PLACE,
        EVENTS_UNTIL_CHECKPOINT,
        link,
    )
    assert ledger.due(0.0) == []


def test_a_checkpoint_is_due_after_so_long() -> None:
    ledger = Ledger({}, {}, 0.0)
    ledger.append(PLACE, 0, b"", 100.0)
    ledger.append(PLACE, 1, b"", 150.0)
    assert ledger.due(99.0 + SECONDS_UNTIL_CHECKPOINT) == []
    assert [checkpoint.offset for checkpoint in ledger.due(100.0 + SECONDS_UNTIL_CHECKPOINT)] == [1]
    assert ledger.due(1000.0 + SECONDS_UNTIL_CHECKPOINT) == []


def test_what_no_checkpoint_covers_after_a_restart_gets_one() -> None:
    heads = {PLACE: Head(7, b"\x01" * 32), ("t", 0): Head(7, b"\x02" * 32)}
    ledger = Ledger(heads, {PLACE: 7, ("t", 0): 6}, 0.0)
    assert [checkpoint.partition for checkpoint in ledger.due(SECONDS_UNTIL_CHECKPOINT)] == [("t", 0)]


def test_checkpoints_have_no_checkpoints() -> None:
    ledger = Ledger({}, {}, 0.0)
    ledger.append(("countersign.ledger", 0), 0, b"", 0.0)
    assert ledger.due(2 * SECONDS_UNTIL_CHECKPOINT) == []
