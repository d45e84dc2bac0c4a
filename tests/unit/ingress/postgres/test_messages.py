"""Messages are read as the protocol writes them, or refused."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.errors import ProtocolError
from ingress.postgres import messages as m

PARSERS: tuple[Callable[[bytes], object], ...] = (
    m.parse_startup,
    m.parse_cancel_request,
    m.parse_authentication,
    m.parse_password,
    m.parse_backend_key,
    m.parse_parameter_status,
    m.parse_query,
    m.parse_parse,
    m.parse_bind,
    m.parse_target,
    m.parse_execute,
    m.parse_function_call,
    m.parse_row_description,
    m.parse_data_row,
    m.parse_command_complete,
    m.parse_fields,
)


def values(*given: bytes | None) -> bytes:
    """As Bind and FunctionCall have them."""
    found = struct.pack("!H", len(given))
    for value in given:
        found += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return found


def test_a_function_call_is_read() -> None:
    body = struct.pack("!IHh", 952, 1, 1) + values(b"\0\0\0\x01", None) + struct.pack("!h", 1)
    assert m.parse_function_call(body) == m.FunctionCall(952, (1,), (b"\0\0\0\x01", None), 1)


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_function_call_that_is_cut_is_refused(cut: int) -> None:
    body = struct.pack("!IHh", 952, 1, 1) + values(b"\0\0\0\x01", None) + struct.pack("!h", 1)
    with pytest.raises(ProtocolError):
        m.parse_function_call(body[:-cut])


def test_a_parameter_description_loses_its_last() -> None:
    described = struct.pack("!HIII", 3, 23, 25, 1043)
    assert m.without_last(described, 2) == struct.pack("!HI", 1, 23)
    assert m.without_last(described, 0) == described


@pytest.mark.parametrize("body", [b"", struct.pack("!HI", 1, 25), struct.pack("!HII", 3, 25, 25)])
def test_a_parameter_description_without_them_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        m.without_last(body, 2)


@pytest.mark.parametrize("minor", [0, 2])
def test_the_version_spoken_and_the_options_that_are_not_are_told(minor: int) -> None:
    message = m.make_negotiate_protocol(minor, ["_pq_.a", "_pq_.b"])
    assert message[:1] == b"v"
    assert message[5:] == struct.pack("!HHI", 3, minor, 2) + b"_pq_.a\0_pq_.b\0"


@given(st.sampled_from(PARSERS), st.binary(max_size=100))
def test_any_body_is_read_or_refused(parse: Callable[[bytes], object], body: bytes) -> None:
    try:
        parse(body)
    except ProtocolError:
        return
