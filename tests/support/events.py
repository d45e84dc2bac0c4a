"""Any event, for property tests: strategies drawn from the classes' own annotations."""

import types
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from schemas.events import EVENTS, Event

_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
_LONG = st.integers(-(2**63), 2**63 - 1)
_MOMENT = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))

_PLAIN: Mapping[type, st.SearchStrategy[Any]] = {
    str: _TEXT,
    int: _LONG,
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=60),
    datetime: _MOMENT,
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Every value of a field annotated so. Raises TypeError for what no event may hold."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        return st.one_of(
            *(st.none() if part is type(None) else values(part) for part in get_args(annotation))
        )
    if get_origin(annotation) is tuple:
        return st.lists(values(get_args(annotation)[0]), max_size=3).map(tuple)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if isinstance(annotation, type) and hasattr(annotation, "__dataclass_fields__"):
        hints = get_type_hints(annotation)
        return st.builds(
            annotation, **{field.name: values(hints[field.name]) for field in fields(annotation)}
        )
    raise TypeError(f"no event may hold {annotation!r}")


def events(kind: type[Event] | None = None) -> st.SearchStrategy[Event]:
    """Any event, or any of one kind."""
    if kind is not None:
        return values(kind)
    return st.one_of(*(values(event) for event in EVENTS.values()))
