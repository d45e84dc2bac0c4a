"""Tools as their server describes them: what was seen first counts, what differs has changed. Pure.

A description is read by the model that calls the tool: a server that was found harmless can change it later.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.vocabulary import Intent

# MCP 2025-11-25, tools: names are 1 to 128 of these, and their case counts.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class Pin:
    """A tool. `digest`: of its definition when it was first seen, or accepted; `changed`: of the one that was
    seen last, where it is another. `intents`: what the server itself has said against it."""

    digest: str
    intents: tuple[Intent, ...] = ()
    changed: str = ""


Pins = Mapping[str, Pin]


def is_name(name: str) -> bool:
    """Whether a tool may be called so."""
    return _NAME.fullmatch(name) is not None


def digest_of(definition: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of all that a tool's definition says."""
    said = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(said.encode()).hexdigest()


def pinned(pins: Pins, listed: Sequence[Mapping[str, Any]]) -> dict[str, Pin]:
    """The pins once this was listed. A tool that is listed twice, in two ways, has changed."""
    found = dict(pins)
    for definition in listed:
        name = definition.get("name")
        if not isinstance(name, str) or not is_name(name):
            continue
        digest, known = digest_of(definition), found.get(name)
        if known is None:
            found[name] = Pin(digest, claimed_intents(definition))
        elif digest != known.digest:
            claimed = {*known.intents, *claimed_intents(definition)}
            found[name] = Pin(known.digest, tuple(sorted(claimed)), digest)
        elif known.changed and sum(one.get("name") == name for one in listed) == 1:
            found[name] = Pin(known.digest, known.intents)
    return found


def accepted(pins: Pins, tools: Collection[str]) -> dict[str, Pin]:
    """The pins once what these tools (all, where none is named) are now is taken for theirs."""
    return {
        name: Pin(pin.changed, pin.intents) if pin.changed and (not tools or name in tools) else pin
        for name, pin in pins.items()
    }


def claimed_intents(definition: Mapping[str, Any]) -> tuple[Intent, ...]:
    """What the server says its tool does, as far as it says so against itself: that a tool only reads is no
    more than its word, and proves nothing (MCP 2025-11-25, tool annotations)."""
    annotations = definition.get("annotations")
    if not isinstance(annotations, dict):
        return ()
    found = set()
    if annotations.get("readOnlyHint") is False or annotations.get("destructiveHint") is True:
        found.add(Intent.WRITE)
    if annotations.get("openWorldHint") is True:
        found.add(Intent.NETWORK)
    return tuple(sorted(found))
