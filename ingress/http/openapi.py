"""An API's OpenAPI document -> which operation a request is. Pure.

OpenAPI 3.1, section 4.8.8 (Paths Object): a templated segment matches one segment, and a concrete path goes
before a templated one. Swagger 2.0 has the same paths under `basePath`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_PARAMETER = re.compile(r"\{[^{}/]+\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """`template` as the document writes it; `is_one`: its last segment is a parameter, so it names one
    thing."""

    id: str
    template: str
    is_one: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    base: str
    pattern: re.Pattern[str]
    parameters: int
    operations: Mapping[str, Operation]


class Description:
    """The operations of one document. Raises ValueError where it is none."""

    def __init__(self, document: Any) -> None:
        paths = document.get("paths") if isinstance(document, Mapping) else None
        if not isinstance(paths, Mapping):
            raise ValueError("expected an OpenAPI document with paths")
        bases = _bases(document)
        self._entries = sorted(
            (_entry(base, str(template), item) for base in bases for template, item in paths.items()),
            key=lambda entry: entry.parameters,
        )

    def plain_reads(self) -> Iterator[str]:
        """The paths of operations that read, and need nothing to be filled in."""
        for entry in self._entries:
            if entry.parameters == 0 and "GET" in entry.operations:
                yield entry.base + entry.operations["GET"].template

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of this method and decoded path; None where the document has none."""
        for entry in self._entries:
            if entry.pattern.fullmatch(path):
                return entry.operations.get(method)
        return None


def _bases(document: Mapping[str, Any]) -> tuple[str, ...]:
    if "swagger" in document:
        return (str(document.get("basePath", "")).rstrip("/"),)
    servers = document.get("servers") or [{"url": ""}]
    return tuple(dict.fromkeys(urlsplit(str(server.get("url", ""))).path.rstrip("/") for server in servers))


def _entry(base: str, template: str, item: Any) -> _Entry:
    parts = _PARAMETER.split(template)
    is_one = template.endswith("}")
    operations = {
        method.upper(): Operation(
            str(item[method].get("operationId") or f"{method.upper()} {template}"), template, is_one
        )
        for method in _METHODS
        if isinstance(item, Mapping) and isinstance(item.get(method), Mapping)
    }
    pattern = re.compile(re.escape(base) + "[^/]+".join(map(re.escape, parts)))
    return _Entry(base, pattern, len(parts) - 1, operations)
