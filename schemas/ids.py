"""Identifiers: UUIDv7 for what happens (RFC 9562, section 5.7), UUIDv8 for what follows from it (5.8)."""

import hashlib
import os
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(at: datetime) -> str:
    """A UUIDv7 for something that happens `at` (UTC): ids of one session sort by time."""
    milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds << 80) | (0x7 << 76) | (((random >> 62) & 0xFFF) << 64)
    value |= (0b10 << 62) | (random & ((1 << 62) - 1))
    return str(uuid.UUID(int=value))


def time_of(id: str) -> datetime:
    """When the UUIDv7 `id` was made, in UTC and whole milliseconds. Raises ValueError for another."""
    value = uuid.UUID(id)
    if value.version != 7:
        raise ValueError(f"not a UUIDv7: {id}")
    return _EPOCH + timedelta(milliseconds=value.int >> 80)


def derived_id(kind: str, *parts: str) -> str:
    """The id of what follows from `parts` and nothing else, so that a repeat makes no second one.

    Unlike a UUIDv7 it does not begin with the time: its first eight digits tell approvals apart.
    """
    # RFC 9562, section 5.8: the version is 8, the variant's two bits are 10; put together as text, since
    # uuid.UUID takes five times as long and every verdict has one.
    digest = hashlib.sha256("\x00".join((kind, *parts)).encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def approval_id(command: str) -> str:
    """The approval of a command: one command has at most one."""
    return derived_id("approval", command)
