"""The tools of MCP servers as they were first seen, on disk: one file a resource under the state folder,
which all that serve from this folder read and write."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from infra.filelock import alone
from ingress.mcp.definitions import Pin, Pins, accepted, pinned

_log = structlog.get_logger()


class DamagedPins(Exception):
    """What was pinned cannot be read: nobody knows what has changed."""


class PinStore:
    """All of one state folder."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "mcp"
        self._read: dict[
            str, tuple[int, dict[str, Pin]]
        ] = {}  # by resource: when it was written, and the pins

    def of(self, resource: str) -> Pins:
        """The pins of this resource. Raises DamagedPins."""
        path = self._path(resource)
        try:
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        known = self._read.get(resource)
        if known is None or known[0] != written:
            try:
                pins = msgspec.json.decode(path.read_bytes(), type=dict[str, Pin])
            except msgspec.DecodeError as error:
                raise DamagedPins(f"the pinned tools of {resource} ({path.name}) cannot be read") from error
            known = self._read[resource] = (written, pins)
        return known[1]

    async def note(self, resource: str, listed: Sequence[Mapping[str, Any]]) -> Pins:
        """The pins once the server has listed these tools."""
        if pinned(before := self.of(resource), listed) == before:
            return before
        async with alone(self._path(resource).with_suffix(".lock")):
            before = self.of(resource)
            after = pinned(before, listed)
            self._write(resource, after)
        for name, pin in after.items():
            if pin.changed and (name not in before or before[name].changed != pin.changed):
                _log.warning("mcp.tool_changed", resource=resource, tool=name, digest=pin.changed)
        return after

    async def accept(self, resource: str, tools: Sequence[str]) -> list[str]:
        """Takes the definitions that these tools have now (all changed ones, where none is named) for theirs;
        which ones had changed."""
        async with alone(self._path(resource).with_suffix(".lock")):
            before = self.of(resource)
            after = accepted(before, tools)
            self._write(resource, after)
        return [name for name, pin in after.items() if pin != before[name]]

    def _write(self, resource: str, pins: Pins) -> None:
        path = self._path(resource)
        written = path.with_suffix(".new")
        written.write_bytes(msgspec.json.format(msgspec.json.encode(pins)))
        written.replace(path)
        self._read.pop(resource, None)

    def _path(self, resource: str) -> Path:
        return self._folder / f"{resource}.json"
