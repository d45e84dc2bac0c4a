"""The standing approvals in the Faust table, by the digest of the command they are for."""

from collections.abc import Awaitable, Collection
from datetime import datetime
from typing import Any

import msgspec

from infra.kafka.bus import partition_of
from processors.app import STANDING
from processors.approvals.deadlines import Deadlines
from processors.approvals.standing import Standing
from schemas.signature import SIGNATURE_LENGTH, Keyring, SignatureRefused, Signer
from schemas.vocabulary import Role

# No event begins like this, and no other record.
_DOMAIN = b"countersign standing approval record v1\x00"


class Standings:
    """The standing approvals of this worker's partitions. Records are signed: whoever can write to Kafka
    approves nothing."""

    def __init__(self, table: Any, signer: Signer, keyring: Keyring) -> None:
        self._table = table  # a faust Table: raw digest -> raw record
        self._signer = signer
        self._keyring = keyring
        self._deadlines = Deadlines()

    def find(self, digest: str) -> Standing | None:
        """What stands for this command. Raises SignatureRefused for a record not written by us."""
        record = self._table.data.get(digest.encode())
        if record is None:
            return None
        signature, body = record[:SIGNATURE_LENGTH], record[SIGNATURE_LENGTH:]
        self._keyring.verify(Role.PROCESSORS, _DOMAIN + body, signature)
        try:
            standing = msgspec.msgpack.decode(body, type=Standing)
        except msgspec.MsgspecError as error:
            raise SignatureRefused("written by a version that kept other things") from error
        if standing.digest != digest:
            raise SignatureRefused("kept under another command's digest")
        return standing

    def save(self, standing: Standing) -> Awaitable[object]:
        """Keeps it; done when that is durable (why not `table[key] = …`: processors/desk.py)."""
        body = msgspec.msgpack.encode(standing)
        record = self._table.data[standing.digest.encode()] = self._signer.sign(_DOMAIN + body) + body
        self._deadlines.set(standing.digest, standing.forgotten_at)
        return self._log(standing.digest, record)

    def forget_due(self, now: datetime) -> list[Awaitable[object]]:
        """Forgets those whose time is over: they count for nothing."""
        return [self._forget(digest) for digest in self._deadlines.due(now)]

    def recover(self, partitions: Collection[int]) -> None:
        """Takes the times of those on these partitions from the table, and no others."""
        self._deadlines.clear()
        for raw_key in list(self._table.data):
            digest = raw_key.decode()
            if partition_of(digest, STANDING.partitions) not in partitions:
                continue
            try:
                standing = self.find(digest)
            except SignatureRefused:
                continue  # it refuses whoever asks
            if standing is not None:
                self._deadlines.set(digest, standing.forgotten_at)

    def _forget(self, digest: str) -> Awaitable[object]:
        self._table.data.pop(digest.encode(), None)
        return self._log(digest, None)

    def _log(self, digest: str, record: bytes | None) -> Awaitable[object]:
        written: Awaitable[object] = self._table.send_changelog(
            partition_of(digest, STANDING.partitions),
            digest.encode(),
            record,
            key_serializer="raw",
            value_serializer="raw",
        )
        return written
