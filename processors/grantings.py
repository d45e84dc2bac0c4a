"""What principals were granted, in the Faust table, and when it ends."""

from collections.abc import Awaitable, Collection
from datetime import datetime
from typing import Any

import msgspec
import structlog

from infra.kafka.bus import partition_of
from processors.app import BUDGETS
from processors.approvals.deadlines import Deadlines
from processors.grants.granted import Granted
from schemas.signature import SIGNATURE_LENGTH, Keyring, SignatureRefused, Signer
from schemas.vocabulary import Role

_log = structlog.get_logger()

# No event begins like this, and no other record.
_DOMAIN = b"countersign grants record v1\x00"


class Grantings:
    """The grants of this worker's partitions, beside its accounts. Records are signed: whoever can write to
    Kafka grants nothing."""

    def __init__(self, table: Any, signer: Signer, keyring: Keyring) -> None:
        self._table = table  # a faust Table: raw principal -> raw record
        self._signer = signer
        self._keyring = keyring
        self._deadlines = Deadlines()

    def find(self, principal: str) -> Granted:
        """What was granted. Raises SignatureRefused for a record not written by us."""
        record = self._table.data.get(principal.encode())
        if record is None:
            return Granted(principal)
        signature, body = record[:SIGNATURE_LENGTH], record[SIGNATURE_LENGTH:]
        self._keyring.verify(Role.PROCESSORS, _DOMAIN + body, signature)
        try:
            granted = msgspec.msgpack.decode(body, type=Granted)
        except msgspec.MsgspecError as error:
            raise SignatureRefused("written by a version that kept other things") from error
        if granted.principal != principal:
            raise SignatureRefused("kept under another principal's name")
        return granted

    def save(self, granted: Granted) -> Awaitable[object]:
        """Keeps it; done when that is durable (why not `table[key] = …`: processors/desk.py)."""
        key = granted.principal.encode()
        record = None
        if granted.is_empty:
            self._table.data.pop(key, None)
        else:
            body = msgspec.msgpack.encode(granted)
            record = self._table.data[key] = self._signer.sign(_DOMAIN + body) + body
        if granted.due_at is not None:
            self._deadlines.set(granted.principal, granted.due_at)
        written: Awaitable[object] = self._table.send_changelog(
            partition_of(granted.principal, BUDGETS.partitions),
            key,
            record,
            key_serializer="raw",
            value_serializer="raw",
        )
        return written

    def due(self, now: datetime) -> list[str]:
        """The principals of whose grants one is due."""
        return self._deadlines.due(now)

    def recover(self, partitions: Collection[int]) -> None:
        """Takes the times of those on these partitions from the table, and no others."""
        self._deadlines.clear()
        for raw_key in list(self._table.data):
            principal = raw_key.decode()
            if partition_of(principal, BUDGETS.partitions) not in partitions:
                continue
            try:
                granted = self.find(principal)
            except SignatureRefused as error:
                # It refuses whoever asks.
                _log.error("grants_record_refused", principal=principal, reason=str(error))
                continue
            if granted.due_at is not None:
                self._deadlines.set(principal, granted.due_at)
