import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.postgres.token_arrays import make_array, parse_array

TWO = struct.pack("!iiIii", 1, 0, 25, 2, 1) + b"\0\0\0\1a" + b"\0\0\0\2b-"


@pytest.mark.parametrize("written", [b"{a,b-}", b'{"a","b-"}', b'{a,"b-"}'])
def test_it_is_read_in_either_format(written: bytes) -> None:
    assert parse_array(written, is_binary=False) == parse_array(TWO, is_binary=True) == (b"a", b"b-")


@pytest.mark.parametrize(
    "written",
    [
        b"", b"{", b"{}", b"a,b", b"{{a}}", b"[0:0]={a}", b"{a,}", b"{a, b}", b'{"a}', b'{"a""b"}', b"{a\\b}",
        b"{a}\n", b"{" + b"a," * 1000 + b"a}",
    ],
)  # fmt: skip
def test_of_no_other_array_of_texts(written: bytes) -> None:
    assert parse_array(written, is_binary=False) == ()


@pytest.mark.parametrize(
    "header",
    [(2, 0, 25, 2, 1), (0, 0, 25, 2, 1), (1, 1, 25, 2, 1), (1, 0, 1042, 2, 1), (1, 0, 25, 3, 1),
     (1, 0, 25, 1, 1), (1, 0, 25, 0, 1), (1, 0, 25, -1, 1), (1, 0, 25, 2**31 - 1, 1)],
)  # fmt: skip
def test_of_no_other_binary_array(header: tuple[int, ...]) -> None:
    assert parse_array(struct.pack("!iiIii", *header) + TWO[20:], is_binary=True) == ()
    assert parse_array(TWO.replace(b"\0\0\0\2b", b"\xff\xff\xff\xffb"), is_binary=True) == ()


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_understood_or_nothing(value: bytes, is_binary: bool) -> None:
    elements = parse_array(value, is_binary=is_binary)
    assert parse_array(make_array(elements, is_binary=is_binary), is_binary=is_binary) == elements


def test_what_an_array_would_obey_is_quoted() -> None:
    assert make_array([b"a", b'"},{\\', b"NULL"], is_binary=False) == b'{"a","\\"},{\\\\","NULL"}'
