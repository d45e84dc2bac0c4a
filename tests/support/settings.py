"""The keys of the configuration file, as the models have them and as docs/configuration.md has them."""

import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from support.repository import ROOT

from infra.config import Config, Secret, StoredSecret
from infra.config.resources import Common
from ingress.protocols import PROTOCOLS

PAGE = ROOT / "docs" / "configuration.md"
_KEY = re.compile(r"^\| `([a-z0-9_.\[\]]+)` \|", re.MULTILINE)


def keys() -> list[str]:
    """Every key, once though several protocols have it."""
    return list(dict.fromkeys(_keys()))


def _keys(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Keys are dotted, `[]` stands for the entries of a list: "resources[].credentials.user".

    A secret is one key: that it is `{env: …}` or `{file: …}` is said once.
    """
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = list(_models(field.annotation))
        yield path
        for suffix, child in inner:
            if _is_served(child):
                yield from _keys(child, f"{path}{suffix}.")


def _is_served(model: type[BaseModel]) -> bool:
    """Whether it is not the resource of a protocol that this version does not serve."""
    if not issubclass(model, Common):
        return True
    return set(get_args(model.model_fields["protocol"].annotation)) <= set(PROTOCOLS)


def documented() -> list[str]:
    """The keys of the page's tables, in its order."""
    return _KEY.findall(PAGE.read_text())


def _models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models inside a field's type: ("" or "[]", model)."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _models(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _models(part)
    elif origin is tuple:
        for suffix, model in _models(get_args(annotation)[0]):
            yield f"[]{suffix}", model
    elif (
        isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
        and annotation not in (Secret, StoredSecret)
    ):
        yield "", annotation
