import csv
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import COPY_HEADER, COPY_TRAILER, binary_tuple, copy_data, read_copy

from ingress.errors import TargetError
from ingress.postgres.answers.copy_lines import BinaryTuples, TextLines, change_lines, detect_in_lines
from ingress.postgres.answers.copy_options import CopyOptions
from processors.masking.masks import MASKS
from processors.masking.scan import make_scanner

CARD, EMAIL = b"4111111111111111", b"john@example.com"
SCANNER = make_scanner(("card_number", "email", "private_key"))
TEXT = CopyOptions(is_csv=False, delimiter=b"\t", null=b"\\N")
PIPES = CopyOptions(is_csv=False, delimiter=b"|", null=b"")
CSV = CopyOptions(is_csv=True, delimiter=b",", null=b"")
BACKSLASHES = CopyOptions(is_csv=True, delimiter=b";", null=b"nil", quote=b"'", escape=b"\\")
BOTH = (None, MASKS["email"], MASKS["full"])


def lines(options: CopyOptions | None, *given: bytes) -> tuple[list[bytes], list[int]]:
    """These lines with the second column masked as an e-mail address and the third in full."""
    counts = [0, 0, 0]
    change = TextLines(BOTH, options, counts).change
    return read_copy(change_lines(copy_data(*given), change)), counts


@pytest.mark.parametrize(
    ("options", "line", "shown"),
    [
        (TEXT, b"1\tjohn@example.com\tx\n", b"1\tj***@example.com\t[masked]\n"),
        (TEXT, b"\\N\t\\N\t\\N\n", b"\\N\t\\N\t\\N\n"),
        (TEXT, b"\t\t\n", b"\t[masked]\t[masked]\n"),
        (TEXT, b"a\\tb\tjohn\\t@example.com\tx\\n\n", b"a\\tb\t[masked]\t[masked]\n"),
        (PIPES, b"a\\|b|john@example.com|x\\|y\n", b"a\\|b|j***@example.com|[masked]\n"),
        (PIPES, b"a|||\n"[:3] + b"\n", b"a||\n"),
        (PIPES, b"a\\\\|b@example.com|\\\\\n", b"a\\\\|b***@example.com|[masked]\n"),
        # Whoever guesses a value and has NULL written so is not told.
        (CopyOptions(False, b"\t", b"x"), b"1\tx\tx\n", b"1\t[masked]\t[masked]\n"),
        (CSV, b"1,john@example.com,x\n", b"1,j***@example.com,[masked]\n"),
        (CSV, b'"a,""b",john@example.com,"x\ny"\n', b'"a,""b",j***@example.com,"[masked]"\n'),
        (CSV, b",,\n", b",,\n"),
        (CSV, b',"",""\n', b',"[masked]","[masked]"\n'),
        (CSV, b'1,"john@example.com",x\n', b'1,"j***@example.com",[masked]\n'),
        (BACKSLASHES, b"'a\\';b';john@example.com;'x\\\\'\n", b"'a\\';b';j***@example.com;'[masked]'\n"),
        (BACKSLASHES, b"nil;nil;'nil'\n", b"nil;nil;'[masked]'\n"),
        (CopyOptions(False, b"*", b"\\N"), b"1*john@example.com*x\n", b"1*j\\*\\*\\*@example.com*[masked]\n"),
        (CopyOptions(True, b"*", b""), b"1*john@example.com*x\n", b'1*"j***@example.com"*[masked]\n'),
        (CopyOptions(True, b"]", b""), b"1]john@example.com]x\n", b'1]j***@example.com]"[masked]"\n'),
        (None, b"1\tjohn@example.com\tx\n", b"[masked]\t[masked]\t[masked]\n"),
    ],
)
def test_columns_of_a_line_are_masked(options: CopyOptions | None, line: bytes, shown: bytes) -> None:
    assert lines(options, line)[0] == [shown]


def test_masked_values_are_counted() -> None:
    assert lines(TEXT, b"1\ta@b.example\tx\n", b"1\t\\N\tx\n")[1] == [0, 1, 2]
    assert lines(None, b"what\never\n")[1] == [1, 1, 1]


def test_only_the_first_line_is_the_header() -> None:
    with_header = CopyOptions(True, b",", b"", header=True)
    assert lines(with_header, b"id,email,note\n", b"id,email,note\n")[0] == [
        b"id,email,note\n",
        b"id,[masked],[masked]\n",
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (TEXT, b"1\t2\n"),
        (TEXT, b"1\t2\t3\t4\n"),
        (CSV, b"1,2\n"),
        (CSV, b'1,2,3"x"\n'),
        (CSV, b'1,2,"3\n'),
        (CSV, b'"1"x,2,3\n'),
        (PIPES, b"1|2|3\\\n"[:-2] + b"\\"),
    ],
)
def test_a_line_that_cannot_be_taken_apart_is_refused(options: CopyOptions, line: bytes) -> None:
    with pytest.raises(TargetError):
        lines(options, line)


VALUES = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12))


@given(st.tuples(VALUES, VALUES, VALUES))
def test_a_csv_line_keeps_what_is_not_masked(values: tuple[str | None, ...]) -> None:
    """The line as CopyAttributeOutCSV writes it: quoted where it must be, NULL unquoted."""
    line = ",".join(
        ""
        if value is None
        else '"' + value.replace('"', '""') + '"'
        if not value or any(character in value for character in ',"\n')
        else value
        for value in values
    )
    (shown,), _ = lines(CSV, line.encode() + b"\n")
    (read,) = csv.reader(io.StringIO(shown.decode(), newline=""), strict=True)
    assert read[0] == (values[0] or "")
    assert read[1:] == ["" if value is None else "[masked]" for value in values[1:]]


def test_what_detectors_find_is_overwritten() -> None:
    counts = [0] * 3
    block = copy_data(b"1\t" + CARD + b"\t" + EMAIL + b"\n", b"2\tx\n", b"3\tx\\n" + CARD + b"\n")
    assert read_copy(detect_in_lines(block, SCANNER, counts)) == [
        b"1\t************1111\tj***@example.com\n",
        b"2\tx\n",
        b"3\tx\\n************1111\n",
    ]
    assert counts == [2, 1, 0]
    clean = copy_data(b"1\t2\n") * 5
    assert detect_in_lines(clean, SCANNER, counts) is clean


@pytest.mark.parametrize("delimiter", [b"-", b" ", b".", b"|", b";"])
def test_what_separates_values_is_never_overwritten(delimiter: bytes) -> None:
    line = delimiter.join([b"4111", b"1111", b"1111", b"1111", EMAIL, b"x"]) + b"\n"
    (shown,) = read_copy(detect_in_lines(copy_data(line), SCANNER, [0] * 3))
    assert shown.count(delimiter) >= line.count(delimiter) - EMAIL.count(delimiter)
    assert len(shown) == len(line)
    assert shown.endswith(b"\n")


@pytest.mark.parametrize(
    "block", [b"d\x00\x00\x00\x03", b"d\x00\x00\x00\x09abc", b"d\x00", b"D\x00\x00\x00\x04"]
)
def test_malformed_messages_are_refused(block: bytes) -> None:
    with pytest.raises(TargetError):
        change_lines(block, bytes)


# Binary


def tuples(*payloads: bytes, scanned: bool = False) -> tuple[list[bytes], list[int], list[int]]:
    counts, found = [0, 0, 0], [0, 0, 0]
    change = BinaryTuples((None, MASKS["null"], None), SCANNER if scanned else None, counts, found).change
    return [change(payload) for payload in payloads], counts, found


def test_binary_columns_are_masked_into_null() -> None:
    first, second = binary_tuple(b"1", b"secret", None), binary_tuple(None, None, b"")
    shown, counts, _ = tuples(COPY_HEADER + first, second, COPY_TRAILER)
    assert shown == [
        COPY_HEADER + binary_tuple(b"1", None, None),
        second,
        COPY_TRAILER,
    ]
    assert counts == [0, 1, 0]


def test_an_empty_binary_copy_passes() -> None:
    assert tuples(COPY_HEADER + COPY_TRAILER)[0] == [COPY_HEADER + COPY_TRAILER]
    assert tuples(COPY_HEADER, COPY_TRAILER)[0] == [COPY_HEADER, COPY_TRAILER]


def test_binary_values_are_scanned() -> None:
    number = struct.pack("!q", int(CARD))
    shown, _, found = tuples(COPY_HEADER + binary_tuple(number, None, CARD + b" " + EMAIL), scanned=True)
    assert shown == [COPY_HEADER + binary_tuple(None, None, b"************1111 j***@example.com")]
    assert found == [2, 1, 0]


def test_eight_bytes_of_text_are_no_number() -> None:
    value = binary_tuple(b"12345678", None, b"\x00\x00\x00\x00\x00\x00\x00\x07")
    assert tuples(COPY_HEADER + value, scanned=True)[0] == [COPY_HEADER + value]


def test_binary_data_that_is_not_as_announced_is_refused() -> None:
    whole = COPY_HEADER + binary_tuple(b"1", b"2", b"3")
    for cut in range(1, len(whole)):
        if cut != len(COPY_HEADER):
            with pytest.raises(TargetError):
                tuples(whole[:cut])
    for other in (
        binary_tuple(b"1", b"2", b"3"),
        COPY_HEADER + binary_tuple(b"1", b"2"),
        COPY_HEADER + COPY_TRAILER + b"x",
        COPY_HEADER[:11] + struct.pack("!II", 1 << 16, 0),
    ):
        with pytest.raises(TargetError):
            tuples(other)
