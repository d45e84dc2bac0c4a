"""The classes and the Avro files say the same, field by field."""

import dataclasses
import json
import types
from datetime import datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from support.released import AVRO

from schemas.envelope import Envelope
from schemas.events import EVENTS, Event

PLAIN: dict[type, Any] = {
    str: "string",
    int: "long",
    float: "double",
    bool: "boolean",
    bytes: "bytes",
    datetime: {"type": "long", "logicalType": "timestamp-micros"},
}


def avro_type(annotation: Any) -> Any:
    """The Avro type that a field annotated so must have. Raises KeyError for what has none."""
    if get_origin(annotation) in (Union, types.UnionType):
        value, none = get_args(annotation)
        assert none is type(None)
        return ["null", avro_type(value)]
    if get_origin(annotation) is tuple:
        return {"type": "array", "items": avro_type(get_args(annotation)[0])}
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return annotation.__name__
    if issubclass(annotation, Enum):
        return "string"
    return PLAIN[annotation]


def contract(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((AVRO / f"{name}.avsc").read_text())
    return document


def fields_of(kind: type) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind)
    assert dataclasses.is_dataclass(kind)
    return [(field.name, avro_type(hints[field.name])) for field in dataclasses.fields(kind)]


def used_records(kind: type) -> set[type]:
    """Every class that this one's fields hold, however deep."""
    found: set[type] = set()

    def walk(annotation: Any) -> None:
        if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
            found.add(annotation)
            for hint in get_type_hints(annotation).values():
                walk(hint)
        for part in get_args(annotation):
            walk(part)

    walk(kind)
    return found - {kind}


RECORDS = sorted({record for event in EVENTS.values() for record in used_records(event)}, key=str)


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_class_and_contract_agree(event: type[Event]) -> None:
    document = contract(event.__name__)
    assert (document["name"], document["namespace"]) == (event.__name__, "countersign")
    signature = ("signature", "bytes")  # the codec's, and always the last
    assert [(field["name"], field["type"]) for field in document["fields"]] == [*fields_of(event), signature]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_record_and_contract_agree(record: type) -> None:
    document = contract(record.__name__)
    assert (document["name"], document["namespace"]) == (record.__name__, "countersign")
    assert [(field["name"], field["type"]) for field in document["fields"]] == fields_of(record)


def test_every_contract_has_its_class() -> None:
    assert {path.stem for path in AVRO.glob("*.avsc")} == {*EVENTS, *(record.__name__ for record in RECORDS)}


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_an_event_is_an_immutable_fact(event: type[Event]) -> None:
    names = [field.name for field in dataclasses.fields(event)]
    assert names[0] == "envelope"
    assert get_type_hints(event)["envelope"] is Envelope
    assert event.__dataclass_params__.frozen  # type: ignore[attr-defined]  # typeshed does not know it
    assert "__slots__" in vars(event)
