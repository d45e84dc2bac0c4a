import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import data_row, read_rows

from ingress.errors import TargetError
from ingress.postgres.answers.rows import ColumnChange, change_columns, row_width

VALUES = st.one_of(st.none(), st.binary(max_size=20))
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), max_size=6)


def longer(value: bytes) -> bytes:
    return value + b"!"


def nothing(value: bytes) -> None:
    return None


def only_long(value: bytes) -> bytes:
    return value if len(value) < 5 else b""


@given(ROWS)
def test_the_columns_are_changed_and_nothing_else(rows: list[tuple[bytes | None, ...]]) -> None:
    counts = [0, 0, 0]
    changes = [ColumnChange(1, longer, 0), ColumnChange(0, nothing, 1), ColumnChange(0, only_long, 2)]
    changed = change_columns(b"".join(data_row(*row) for row in rows), 4, changes, counts)
    assert read_rows(changed) == [
        (
            row[0],
            None if row[1] is None else longer(row[1]),
            None,
            None if row[3] is None else only_long(row[3]),
        )
        for row in rows
    ]
    assert counts == [
        sum(row[1] is not None for row in rows),
        sum(row[2] is not None for row in rows),
        sum(row[3] is not None and len(row[3]) >= 5 for row in rows),
    ]


def test_a_row_of_another_width_is_refused() -> None:
    for width in (1, 3):
        with pytest.raises(TargetError):
            change_columns(data_row(b"a", b"b"), width, [ColumnChange(0, longer, 0)], [0])


@pytest.mark.parametrize(
    "block",
    [
        data_row(b"aaaa", b"bbbb")[:-1],
        data_row(b"aaaa", b"bbbb")[:8],
        data_row(b"a", b"b") + b"C",
        b"C" + data_row(b"a", b"b")[1:],
        data_row(b"a", b"b")[:10] + b"\x7f" + data_row(b"a", b"b")[11:],
        b"D\x00\x00\x00\x00" + data_row(b"a", b"b")[5:],
        b"D\x00\x00\x00\x0a\x00\x02\x00\x00\x00\x01a",
    ],
)
def test_malformed_rows_are_refused(block: bytes) -> None:
    with pytest.raises(TargetError):
        change_columns(block, 2, [ColumnChange(1, longer, 0)], [0])


def test_the_width_is_that_of_the_first_row() -> None:
    assert row_width(data_row(b"a", None, b"c")) == 3
    with pytest.raises(TargetError):
        row_width(b"D\x00\x00")
