"""The ledger: each partition's events as a hash chain, with signed checkpoints now and then; pure.

    link_n = SHA-256(link_(n-1) || SHA-256(raw_n))        link_0 = SHA-256 of what names the partition

A checkpoint is a CheckpointSigned event on `countersign.ledger`: whoever holds one can tell later whether
an event before it was changed, left out or put in.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.topics import LEDGER

EVENTS_UNTIL_CHECKPOINT = 1000
SECONDS_UNTIL_CHECKPOINT = 60.0

Partition = tuple[str, int]
"""A topic and the number of a partition."""


def first_link(partition: Partition) -> bytes:
    """What the chain of a partition starts from."""
    topic, number = partition
    return hashlib.sha256(b"countersign ledger v1\x00%s\x00%d" % (topic.encode(), number)).digest()


def next_link(link: bytes, raw_hash: bytes) -> bytes:
    """The link after `link` for an event with this SHA-256."""
    return hashlib.sha256(link + raw_hash).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain of a partition stands."""

    offset: int  # of the last event; -1 before the first
    link: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is to be signed: the chain of a partition at an offset."""

    partition: Partition
    offset: int
    link: bytes


@dataclass(slots=True)
class _Chain:
    head: Head
    uncovered: int = 0  # events since the last checkpoint
    since: float = 0.0  # when the first of them came


class Ledger:
    """The chains of all partitions of one projector. Times are seconds of any clock that only goes forward.

    `heads`: where they stand; a partition that is not there has no event yet. `covered`: the last offset
    that a checkpoint covers.
    """

    def __init__(self, heads: Mapping[Partition, Head], covered: Mapping[Partition, int], now: float) -> None:
        self._chains = {
            partition: _Chain(head, uncovered=int(head.offset > covered.get(partition, -1)), since=now)
            for partition, head in heads.items()
        }

    def append(self, partition: Partition, offset: int, raw: bytes, now: float) -> bytes:
        """The link of an event. Raises ValueError when it does not come after the last one."""
        chain = self._chains.setdefault(partition, _Chain(Head(-1, first_link(partition))))
        if offset <= chain.head.offset:
            raise ValueError(f"{partition}: offset {offset} after offset {chain.head.offset}")
        link = next_link(chain.head.link, hashlib.sha256(raw).digest())
        chain.head = Head(offset, link)
        chain.since = chain.since if chain.uncovered else now
        chain.uncovered += 1
        return link

    def due(self, now: float) -> list[Checkpoint]:
        """The checkpoints to sign now; they count as signed from then on.

        The topic of the checkpoints has none: each would ask for the next.
        """
        found = []
        for partition, chain in self._chains.items():
            if partition[0] == LEDGER.name:
                continue
            is_late = now - chain.since >= SECONDS_UNTIL_CHECKPOINT
            if chain.uncovered >= EVENTS_UNTIL_CHECKPOINT or (chain.uncovered and is_late):
                chain.uncovered = 0
                found.append(Checkpoint(partition, chain.head.offset, chain.head.link))
        return found


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the ledger holds it."""

    offset: int
    raw_hash: bytes
    link: bytes


class ChainCheck:
    """Whether the chain of a partition holds. Give it every event by offset, then ask `problem`.

    `links`: offset -> the link that a checkpoint signed.
    """

    def __init__(self, partition: Partition, links: Mapping[int, bytes]) -> None:
        self._head = Head(-1, first_link(partition))
        self._missing = dict(links)
        self._problem: str | None = None

    def add(self, entry: Entry) -> None:
        link = next_link(self._head.link, entry.raw_hash)
        signed = self._missing.pop(entry.offset, link)
        if self._problem is None:
            if link != entry.link:
                before = self._head.offset
                self._problem = f"offset {entry.offset}: the chain does not follow from offset {before}"
            elif signed != link:
                self._problem = f"offset {entry.offset}: not what the checkpoint signed"
        self._head = Head(entry.offset, entry.link)

    @property
    def problem(self) -> str | None:
        """The first place where it does not hold, in words; None when it does."""
        if self._problem is None and self._missing:
            return f"offset {min(self._missing)}: a checkpoint signed it, and it is not there"
        return self._problem
