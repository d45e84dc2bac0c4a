"""What principals were granted, in the Faust table, and when it ends."""

from collections.abc import Awaitable, Collection
from datetime import datetime

import structlog

from processors.app import BUDGETS
from processors.approvals.deadlines import Deadlines
from processors.grants.granted import Granted
from processors.records import Form, Records, Table
from schemas.signature import Keyring, SignatureRefused, Signer

_log = structlog.get_logger()

_FORM = Form(b"countersign grants record v1\x00", Granted, lambda granted: granted.principal)


class Grantings:
    """The grants of this worker's partitions, beside its accounts."""

    def __init__(self, table: Table, signer: Signer, keyring: Keyring) -> None:
        self._records = Records(table, _FORM, BUDGETS.partitions, signer, keyring)
        self._deadlines = Deadlines()

    def find(self, principal: str) -> Granted:
        """What was granted. Raises SignatureRefused for a record not written by us."""
        return self._records.find(principal) or Granted(principal)

    def save(self, granted: Granted) -> Awaitable[object]:
        """Keeps it; done when that is durable."""
        if granted.due_at is not None:
            self._deadlines.set(granted.principal, granted.due_at)
        if granted.is_empty:
            return self._records.forget(granted.principal)
        return self._records.save(granted)

    def due(self, now: datetime) -> list[str]:
        """The principals of whose grants one is due."""
        return self._deadlines.due(now)

    def recover(self, partitions: Collection[int]) -> None:
        """Takes the times of those on these partitions from the table, and no others."""
        self._deadlines.clear()
        for principal in self._records.keys(partitions):
            try:
                granted = self.find(principal)
            except SignatureRefused as error:
                # It refuses whoever asks.
                _log.error("grants_record_refused", principal=principal, reason=str(error))
                continue
            if granted.due_at is not None:
                self._deadlines.set(principal, granted.due_at)
