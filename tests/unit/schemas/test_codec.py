"""Events <-> signed bytes, and the promise that every released version can be read."""

import contextlib
import io
from datetime import datetime
from functools import cache
from typing import Any

import fastavro
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastavro.utils import generate_many
from hypothesis import given
from hypothesis import strategies as st
from support.events import events
from support.released import AVRO, versions

from schemas.codec import NotAnEvent, decode, decode_verified, encode, fingerprint, load_schemas, verify
from schemas.events import EVENTS, Event
from schemas.signature import Keyring, SignatureRefused, Signer
from schemas.topics import SIGNED_BY
from schemas.vocabulary import Role

SIGNERS = {role: Signer(role, Ed25519PrivateKey.generate()) for role in Role}
KEYRING = Keyring({role: (signer.key.public_key(),) for role, signer in SIGNERS.items()})
STRANGER = Keyring({role: (Ed25519PrivateKey.generate().public_key(),) for role in Role})


def signed(event: Event) -> bytes:
    return encode(event, SIGNERS[SIGNED_BY[type(event)][0]])


@given(events())
def test_an_event_survives_its_encoding(event: Event) -> None:
    assert decode_verified(signed(event), KEYRING) == event


@given(events())
def test_the_signer_is_known(event: Event) -> None:
    for role in SIGNED_BY[type(event)]:
        assert verify(encode(event, SIGNERS[role]), KEYRING) is role


@given(events(), st.data())
def test_one_changed_byte_anywhere_is_refused(event: Event, data: st.DataObject) -> None:
    raw = bytearray(signed(event))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((SignatureRefused, NotAnEvent)):
        decode_verified(bytes(raw), KEYRING)


@given(events(), st.data())
def test_bytes_cut_short_or_continued_are_refused(event: Event, data: st.DataObject) -> None:
    raw = signed(event)
    shorter = raw[: data.draw(st.integers(0, len(raw) - 1))]
    longer = raw + data.draw(st.binary(min_size=1, max_size=80))
    for wrong in (shorter, longer):
        with pytest.raises((SignatureRefused, NotAnEvent)):
            decode_verified(wrong, KEYRING)


@given(events())
def test_a_signature_of_the_wrong_role_is_refused(event: Event) -> None:
    body = signed(event)[: -(2 + 64)]
    for role in set(Role) - set(SIGNED_BY[type(event)]):
        with pytest.raises(SignatureRefused, match=type(event).__name__):
            verify(body + b"\x80\x01" + SIGNERS[role].sign(body), KEYRING)
        with pytest.raises(ValueError, match=role.value):
            encode(event, SIGNERS[role])


@given(events())
def test_another_gateways_signature_is_refused(event: Event) -> None:
    with pytest.raises(SignatureRefused):
        decode_verified(signed(event), STRANGER)


@given(events())
def test_an_event_without_signature_is_refused(event: Event) -> None:
    body = signed(event)[: -(2 + 64)]
    for unsigned in (body + b"\x00", body, body + b"\x80\x01" + bytes(64)):
        with pytest.raises(SignatureRefused):
            decode_verified(unsigned, KEYRING)


@given(st.binary(max_size=200))
def test_other_bytes_are_no_event(raw: bytes) -> None:
    with pytest.raises(NotAnEvent):
        decode(raw)


@given(st.sampled_from(sorted(EVENTS)), st.binary(max_size=400))
def test_garbage_behind_a_true_header_is_never_more_than_refused(name: str, garbage: bytes) -> None:
    raw = b"\xc3\x01" + fingerprint(load_schemas(AVRO)[name]) + garbage
    with pytest.raises((NotAnEvent, SignatureRefused)):
        decode_verified(raw, KEYRING)
    with contextlib.suppress(NotAnEvent):
        assert isinstance(decode(raw), EVENTS[name])


def test_the_fingerprint_is_the_standards() -> None:
    # Avro's own test data (share/test/data/schema-tests.txt) has 0x7275d51a3f395c8f for "int"; it stands
    # on the wire in little-endian byte order (Avro 1.11, "Single-object encoding").
    assert fingerprint("int") == (0x7275D51A3F395C8F).to_bytes(8, "little")


# Full transitive compatibility: every version reads every other's events.


@cache
def schemas_of(version: int | None) -> dict[str, Any]:
    """The schemas of a released version, or today's for None; ready for fastavro."""
    folder = AVRO if version is None else AVRO / "released" / str(version)
    return {name: fastavro.parse_schema(schema) for name, schema in load_schemas(folder).items()}


def every_pair() -> list[tuple[int | None, int | None]]:
    known: list[int | None] = [*versions(), None]
    return [(writer, reader) for writer in known for reader in known]


def agree(one: Any, other: Any) -> bool:
    """Whether what both have is equal; a version may know fields that the other does not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(agree(one[key], other[key]) for key in one.keys() & other.keys())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(agree, one, other))
    return bool(one == other)


@pytest.mark.parametrize(("writer", "reader"), every_pair())
def test_every_version_reads_every_other(writer: int | None, reader: int | None) -> None:
    for name in schemas_of(writer).keys() & schemas_of(reader).keys():
        schema = schemas_of(writer)[name]
        for record in generate_many(schema, 20):
            buffer = io.BytesIO()
            fastavro.schemaless_writer(buffer, schema, record)
            written = fastavro.schemaless_reader(io.BytesIO(buffer.getvalue()), schema)
            read = fastavro.schemaless_reader(io.BytesIO(buffer.getvalue()), schema, schemas_of(reader)[name])
            assert agree(written, read), name


@pytest.mark.parametrize("version", versions())
@given(event=events())
def test_released_events_are_read_as_todays(version: int, event: Event) -> None:
    name = type(event).__name__
    schema = schemas_of(version).get(name)
    if schema is None:  # the event is younger than that version
        return
    record = msgspec.to_builtins(event, builtin_types=(bytes, datetime)) | {"signature": b""}
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, record)
    body = b"\xc3\x01" + fingerprint(schema) + buffer.getvalue()[:-1]
    raw = body + b"\x80\x01" + SIGNERS[SIGNED_BY[type(event)][0]].sign(body)
    read = msgspec.to_builtins(decode_verified(raw, KEYRING), builtin_types=(bytes, datetime))
    written = fastavro.schemaless_reader(io.BytesIO(buffer.getvalue()), schema)
    assert agree(written, read)
