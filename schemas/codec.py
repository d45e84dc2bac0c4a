"""Events <-> bytes: Avro single-object encoding with the signature as the last field.

Avro 1.11, "Single-object encoding": C3 01, the schema's CRC-64-AVRO fingerprint (little-endian), the
record. Every record ends in `signature: bytes`, and what is signed is everything before it, so an event
is encoded once, and the bytes that were read are the bytes that are verified.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import fastavro
import fastavro.schema
import msgspec

from schemas.events import EVENTS, Event
from schemas.signature import SIGNATURE_LENGTH, Keyring, SignatureRefused, Signer
from schemas.topics import SIGNED_BY
from schemas.vocabulary import Role

_MAGIC = b"\xc3\x01"
_HEADER = len(_MAGIC) + 8
_UNSIGNED = b"\x00"  # an empty `bytes`
_SIGNATURE_PREFIX = b"\x80\x01"  # the length 64 as an Avro long
_TRAILER = len(_SIGNATURE_PREFIX) + SIGNATURE_LENGTH


class NotAnEvent(Exception):
    """The bytes are no event of a version this code knows."""


@dataclass(frozen=True, slots=True)
class _Contract:
    """One version of one event's schema; `current` reads it into today's class."""

    event: type[Event]
    schema: Any
    current: Any


def _read(folder: Any) -> dict[str, Any]:
    return {
        entry.name.removesuffix(".avsc"): json.loads(entry.read_text())
        for entry in folder.iterdir()
        if entry.name.endswith(".avsc")
    }


def load_schemas(folder: Any) -> dict[str, Any]:
    """The records of a folder of .avsc files by name, each with the records it uses put in.

    `folder`: a path or a package resource. The files may name each other in any order.
    """
    documents = _read(folder)
    return {name: _expand(name, documents, set()) for name in documents if name in EVENTS}


def _expand(name: str, documents: Mapping[str, Any], defined: set[str]) -> Any:
    """The document `name` with the first mention of every other record replaced by its definition."""

    def walk(node: Any) -> Any:
        if isinstance(node, str) and node in documents:
            if node in defined:
                return f"countersign.{node}"
            return _expand(node, documents, defined)
        if isinstance(node, list):
            return [walk(item) for item in node]
        if isinstance(node, dict):
            return {
                key: walk(value) if key in ("type", "items") else _fields(key, value)
                for key, value in node.items()
            }
        return node

    def _fields(key: str, value: Any) -> Any:
        return [walk(item) for item in value] if key == "fields" else value

    defined.add(name)
    return walk(documents[name])


@cache
def _writers() -> dict[type[Event], tuple[bytes, Any]]:
    """Event class -> the ten bytes before the record, and its schema."""
    return {
        EVENTS[name]: (_MAGIC + fingerprint(schema), fastavro.parse_schema(schema))
        for name, schema in load_schemas(files("schemas") / "avro").items()
    }


@cache
def _readers() -> dict[bytes, _Contract]:
    """Fingerprint -> contract, for the current version and every released one."""
    current = {event.__name__: schema for event, (_, schema) in _writers().items()}
    readers: dict[bytes, _Contract] = {}
    released = files("schemas") / "avro" / "released"
    folders = [entry for entry in released.iterdir() if entry.is_dir()] if released.is_dir() else []
    for folder in folders:
        for name, schema in load_schemas(folder).items():
            readers[fingerprint(schema)] = _Contract(
                EVENTS[name], fastavro.parse_schema(schema), current[name]
            )
    for event, (header, schema) in _writers().items():
        readers[header[len(_MAGIC) :]] = _Contract(event, schema, None)
    return readers


def fingerprint(schema: Any) -> bytes:
    """The schema's CRC-64-AVRO in the byte order of the single-object encoding."""
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    # fastavro prints the fingerprint's bytes in the order they stand on the wire.
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


def encode(event: Event, signer: Signer) -> bytes:
    """The event as signed bytes. Raises ValueError when the signer's role may not say this."""
    if signer.role not in SIGNED_BY[type(event)]:
        raise ValueError(f"{type(event).__name__} is not for role {signer.role.value} to say")
    header, schema = _writers()[type(event)]
    buffer = io.BytesIO()
    buffer.write(header)
    record = msgspec.to_builtins(event, builtin_types=(bytes, datetime))
    record["signature"] = b""
    fastavro.schemaless_writer(buffer, schema, record)
    body = buffer.getvalue()[: -len(_UNSIGNED)]
    return body + _SIGNATURE_PREFIX + signer.sign(body)


def decode(data: bytes) -> Event:
    """The event of these bytes, whoever signed it. Raises NotAnEvent."""
    contract = _contract(data)
    try:
        record: Any = fastavro.schemaless_reader(
            io.BytesIO(data[_HEADER:]), contract.schema, contract.current
        )
        record.pop("signature")
        return msgspec.convert(record, contract.event, builtin_types=(bytes, datetime))
    except (EOFError, ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError) as error:
        raise NotAnEvent(f"{contract.event.__name__} does not decode: {type(error).__name__}") from error


def verify(data: bytes, keyring: Keyring) -> Role:
    """The role whose key signed these bytes, one that may say this event.

    Raises NotAnEvent, or SignatureRefused.
    """
    contract = _contract(data)
    body, trailer = data[:-_TRAILER], data[-_TRAILER:]
    if len(data) <= _HEADER + _TRAILER or not trailer.startswith(_SIGNATURE_PREFIX):
        raise SignatureRefused(f"{contract.event.__name__} is not signed")
    roles = SIGNED_BY[contract.event]
    for role in roles:
        try:
            keyring.verify(role, body, trailer[len(_SIGNATURE_PREFIX) :])
        except SignatureRefused:
            continue
        return role
    names = " or ".join(role.value for role in roles)
    raise SignatureRefused(f"{contract.event.__name__} is not signed by a key of {names}")


def claimed_event(data: bytes) -> type[Event]:
    """Which event these bytes say they are, read from their first ten alone. Raises NotAnEvent."""
    return _contract(data).event


def decode_verified(data: bytes, keyring: Keyring) -> Event:
    """The event of these bytes, signed by a role that may say it. Raises NotAnEvent, SignatureRefused."""
    verify(data, keyring)
    return decode(data)


def _contract(data: bytes) -> _Contract:
    if data[: len(_MAGIC)] != _MAGIC:
        raise NotAnEvent("not Avro single-object encoding")
    contract = _readers().get(data[len(_MAGIC) : _HEADER])
    if contract is None:
        raise NotAnEvent("written with a schema this version does not know")
    return contract
