"""One YAML document, checked as a whole; errors name file, line and what was expected."""

from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.config.document import Config
from infra.config.errors import ConfigError, Names
from infra.config.resources import UNKNOWN_PROTOCOL

DEFAULT_PATH = Path("countersign.yaml")


def load(path: Path, names: Names | None = None) -> Config:
    """The configuration of this file. `names`: the words other packages define, to check against.

    Raises ConfigError with one line a problem: file:line: where: what was expected.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    config = parse(text, path, names)
    config._base = path.resolve().parent
    return config


def parse(text: str, path: Path, names: Names | None = None) -> Config:
    """The configuration of this text. `path`: what errors call it. Raises ConfigError, as `load`."""
    try:
        document = YAML(typ="rt").load(StringIO(text))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError([f"{path}{line}: not valid YAML: {problem}"]) from error
    except (ValueError, RecursionError) as error:  # a number or a date that is none, or endless nesting
        raise ConfigError([f"{path}: not valid YAML: {type(error).__name__}: {error}"]) from error
    if not isinstance(document, dict):
        raise ConfigError([f"{path}:1: expected a mapping with gateway, identity, resources and policies"])
    try:
        plain = _plain(document)
        config = Config.model_validate(plain, context=names)
    except ValidationError as error:
        raise ConfigError(list(_problems(path, document, error))) from error
    config._rules = plain.get("policies", [])
    return config


def _plain(node: Any) -> Any:
    """The document without ruamel's own types."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for plain in (int, float, str):
        if isinstance(node, plain):
            return plain(node)
    return node


def _problems(path: Path, document: Any, error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if part not in ("ExternalKafka", "ExternalClickHouse")]
        if location[:1] == ["resources"] and len(location) > 1:
            location = _without_protocol(location)
        if problem["type"] == UNKNOWN_PROTOCOL:
            location.append("protocol")
        line, where = _find(document, location)
        expected = problem["msg"].removeprefix("Value error, ")
        unknown = problem["type"] == "extra_forbidden"
        if unknown:
            expected = "this key is not known here"
        found = problem.get("input")
        if problem["type"] == UNKNOWN_PROTOCOL and isinstance(found, Mapping):
            found = found.get("protocol")
        # What stands under an unknown key may be a secret under a misspelt one.
        showable = isinstance(found, str | int | float) and not unknown and not _secret(where)
        shown = f"; found {found!r}" if showable else ""
        yield f"{path}:{line}: {where or 'document'}: {expected}{shown}"


def _without_protocol(location: list[Any]) -> list[Any]:
    """resources, 3, postgres, address -> resources, 3, address: the protocol is pydantic's, for the model."""
    return [*location[:2], *location[3:]]


def _secret(where: str) -> bool:
    words = ("password", "token", "url", "credentials", "gateway.kafka", "gateway.clickhouse")
    return any(word in where for word in words)


def _find(document: Any, location: list[Any]) -> tuple[int, str]:
    """The line of the deepest part of `location` that is there, and the location in words."""
    node, line, where = document, 1, ""
    for part in location:
        if isinstance(part, int):
            where += f"[{part}]"
        elif part != "[key]":
            where += f".{part}" if where else str(part)
        try:
            position = node.lc.item(part) if isinstance(part, int) else node.lc.key(part)
            line = position[0] + 1
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            continue
    return line, where
