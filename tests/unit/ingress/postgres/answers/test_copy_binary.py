"""What is done to a block of tuples is what is done to each: BinaryTuples.change is the reference."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import COPY_HEADER, COPY_TRAILER, binary_tuple, copy_data

from ingress.postgres.answers.copy_lines import BinaryTuples, change_lines
from processors.masking.masks import MASKS, Mask
from processors.masking.scan import Scanner, make_scanner

CARD, EMAIL = b"4111111111111111", b"john@example.com"
EVERYTHING = make_scanner(
    ("card_number", "iban", "email", "phone", "us_ssn", "aws_key", "private_key", "jwt")
)
TWO = make_scanner(("email", "card_number"))
VALUES = st.one_of(
    st.none(),
    st.sampled_from([CARD, EMAIL, b"", b"x" + EMAIL + b"," + CARD, b"\0\0\0\x104" + CARD, b"a@b.example"]),
    st.integers(-(2**63), 2**63 - 1).map(struct.Struct("!q").pack),
    st.just(struct.pack("!q", 4111111111111111)),
    st.binary(max_size=20),
)
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=10)
MASK_OR_NONE = st.sampled_from([MASKS["null"], None])


def _changer(masks: tuple[Mask | None, ...], scanner: Scanner | None) -> tuple[BinaryTuples, list[list[int]]]:
    counts = [[0] * 3, [0] * 8]
    tuples = BinaryTuples(masks, scanner, counts[0], counts[1])
    tuples.change(COPY_HEADER)
    return tuples, counts


@settings(max_examples=500, deadline=None)  # the first one compiles a scanner
@given(ROWS, st.tuples(MASK_OR_NONE, MASK_OR_NONE, MASK_OR_NONE), st.sampled_from([EVERYTHING, TWO, None]))
def test_a_block_is_changed_as_single_tuples(
    rows: list[tuple[bytes | None, ...]], masks: tuple[Mask | None, ...], scanner: Scanner | None
) -> None:
    block = copy_data(*[binary_tuple(*row) for row in rows])
    at_once, counts = _changer(masks, scanner)
    changed = at_once.change_block(block)
    one_by_one, expected_counts = _changer(masks, scanner)
    if changed is not None:
        assert changed == change_lines(block, one_by_one.change)
        assert counts == expected_counts
    else:
        assert counts == [[0] * 3, [0] * 8], "nothing is counted twice"


def test_a_plain_block_is_not_left_to_single_tuples() -> None:
    block = copy_data(*[binary_tuple(struct.pack("!i", 7), EMAIL, CARD)] * 20)
    tuples, counts = _changer((None, MASKS["null"], None), TWO)
    changed = tuples.change_block(block)
    assert changed is not None
    assert EMAIL not in changed
    assert CARD not in changed
    assert counts[0] == [0, 20, 0]


def test_header_and_trailer_are_left_to_single_tuples() -> None:
    tuples = BinaryTuples((None,), TWO, [0], [0, 0])
    assert tuples.change_block(copy_data(COPY_HEADER, binary_tuple(b"a"))) is None
    tuples.change(COPY_HEADER)
    assert tuples.change_block(copy_data(binary_tuple(b"a"), COPY_TRAILER)) is None
