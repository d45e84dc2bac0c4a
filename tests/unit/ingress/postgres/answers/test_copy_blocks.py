"""What is done to a block of lines is what is done to each line: the functions for one are the reference."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import copy_data

from ingress.errors import TargetError
from ingress.postgres.answers.copy_blocks import change_block, detect_block, take_lines
from ingress.postgres.answers.copy_lines import TextLines, change_lines, detect_in_lines
from ingress.postgres.answers.copy_options import CopyOptions
from processors.masking.masks import MASKS, Mask
from processors.masking.scan import Scanner, make_scanner

TEXT = CopyOptions(is_csv=False, delimiter=b"\t", null=b"\\N")
NAMED_NULL = CopyOptions(is_csv=False, delimiter=b"\t", null=b"nil")
CSV = CopyOptions(is_csv=True, delimiter=b",", null=b"")
PIPES = CopyOptions(is_csv=False, delimiter=b"|", null=b"")
EVERYTHING = make_scanner(
    ("card_number", "iban", "email", "phone", "us_ssn", "aws_key", "private_key", "jwt")
)
TWO = make_scanner(("email", "card_number"))
PIECES = st.sampled_from(
    [
        *("4111111111111111", "john@example.com", "378282246310005", "4111 1111 1111 1111", "x@y.io"),
        *("@", ".", "..", "-", " ", ",", "\t", "\n", "\\", '"', "n", "nil", "\\N", "*"),
        *("4", "411111", "example.com", "\u00e9"),
    ]
)
VALUES = st.one_of(
    st.none(),
    st.sampled_from(["4111111111111111", "john@example.com", "", "nil"]),
    st.lists(PIECES, max_size=4).map("".join),
)
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=10)
SCANNERS = st.sampled_from([EVERYTHING, TWO])


def _text(value: str | None, options: CopyOptions) -> bytes:
    if value is None:
        return options.null
    for raw, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("|", "\\|")):
        value = value.replace(raw, escaped)
    return value.encode()


def block_of(rows: list[tuple[str | None, ...]], options: CopyOptions) -> bytes:
    """The rows as PostgreSQL sends them."""
    lines = []
    for row in rows:
        if options.is_csv:
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(["" if value is None else value for value in row])
            lines.append(line.getvalue().encode())
        else:
            lines.append(options.delimiter.join(_text(value, options) for value in row) + b"\n")
    return copy_data(*lines)


@settings(max_examples=300)
@given(
    ROWS,
    st.sampled_from([TEXT, NAMED_NULL, CSV, PIPES]),
    st.tuples(*[st.sampled_from([*MASKS.values(), None])] * 3),
)
def test_columns_are_masked_as_in_single_lines(
    rows: list[tuple[str | None, ...]], options: CopyOptions, masks: tuple[Mask | None, ...]
) -> None:
    block, counts, expected_counts = block_of(rows, options), [0] * 3, [0] * 3
    changed = change_block(block, masks, options, counts)
    if changed is None:
        return  # to be done line by line
    assert changed == change_lines(block, TextLines(masks, options, expected_counts).change)
    assert counts == expected_counts


@pytest.mark.parametrize("options", [TEXT, CSV])
def test_a_plain_block_is_not_left_to_single_lines(options: CopyOptions) -> None:
    block = block_of([("1", "john@example.com", "4111111111111111"), ("2", None, "x")] * 20, options)
    masks, counts = (None, MASKS["email"], MASKS["null"]), [0, 0, 0]
    changed = change_block(block, masks, options, counts)
    assert changed is not None
    assert b"john@" not in changed
    assert b"4111" not in changed
    assert counts == [0, 20, 40]


@settings(max_examples=500, deadline=None)  # the first one compiles a scanner
@given(ROWS, st.sampled_from([TEXT, NAMED_NULL, CSV, PIPES, None]), SCANNERS)
def test_detectors_find_what_they_find_in_single_lines(
    rows: list[tuple[str | None, ...]], options: CopyOptions | None, scanner: Scanner
) -> None:
    block = block_of(rows, options or TEXT)
    counts, expected_counts = [0] * len(scanner.names), [0] * len(scanner.names)
    expected = detect_in_lines(block, scanner, expected_counts, options)
    assert detect_block(block, scanner, counts, options) == expected
    assert counts == expected_counts


@pytest.mark.parametrize(
    "block", [copy_data(b"a\n")[:-1], copy_data(b"a\n") + b"d", b"D" + copy_data(b"a")[1:]]
)
def test_what_is_no_copy_data_is_refused(block: bytes) -> None:
    with pytest.raises(TargetError):
        take_lines(block)
