"""A message of Kafka -> an event that may be believed."""

from collections.abc import Collection
from datetime import datetime

from infra.kafka.bus import partition_of
from schemas.codec import NotAnEvent, claimed_event, decode_verified
from schemas.envelope import envelope
from schemas.events import Event, EventRejected
from schemas.ids import derived_id
from schemas.signature import Keyring, SignatureRefused
from schemas.topics import TOPIC_OF, VERDICTS, Topic

KEPT_OF_A_REJECTED = 100_000
"""Bytes kept of a rejected message: one that fills Kafka's limit would not fit into the event about it."""


class NotBelieved(Exception):
    """The message is no event, not signed by whom it should be, or not where it belongs. Says which."""


class Intake:
    """Opens the messages of one topic: those it was made for, and no others."""

    def __init__(self, topic: Topic, wanted: Collection[type[Event]], keyring: Keyring, node: str) -> None:
        self._topic = topic
        self._wanted = frozenset(wanted)
        self._keyring = keyring
        self._node = node

    def open(self, raw: bytes | None, partition: int) -> Event | None:
        """The event, or None for one that others consume. Raises NotBelieved.

        The key's partition is checked, since order counts only within one: an event that somebody copied
        to another partition must not overtake its own past.
        """
        if not raw:
            raise NotBelieved("empty")
        try:
            claimed = claimed_event(raw)
            if claimed not in self._wanted:
                if TOPIC_OF[claimed] is not self._topic:
                    raise NotBelieved(f"{claimed.__name__} does not belong on this topic")
                return None
            event = decode_verified(raw, self._keyring)
        except (NotAnEvent, SignatureRefused) as error:
            raise NotBelieved(str(error)) from error
        if partition_of(self._topic.key(event), self._topic.partitions) != partition:
            raise NotBelieved(f"{claimed.__name__} is not on the partition of its key")
        reply_to = getattr(event, "reply_to", 0)
        if not 0 <= reply_to < VERDICTS.partitions:
            raise NotBelieved(f"{claimed.__name__} wants its answer on a partition that is not there")
        return event

    def rejected(
        self, raw: bytes | None, partition: int, offset: int, reason: str, now: datetime
    ) -> EventRejected:
        """What is said about a message that was not believed."""
        name = self._topic.name
        raw = raw or b""
        if len(raw) > KEPT_OF_A_REJECTED:
            reason = f"{reason}; {len(raw)} bytes, the first {KEPT_OF_A_REJECTED} kept"
        event_id = derived_id("rejected", name, str(partition), str(offset))
        return EventRejected(
            envelope=envelope(now, self._node, id=event_id),
            topic=name,
            partition=partition,
            offset=offset,
            reason=reason,
            raw=raw[:KEPT_OF_A_REJECTED],
        )
