"""The standing approvals in the Faust table, by the digest of the command they are for."""

from collections.abc import Awaitable, Collection
from datetime import datetime

from processors.app import STANDING
from processors.approvals.deadlines import Deadlines
from processors.approvals.standing import Standing
from processors.records import Form, Records, Table
from schemas.signature import Keyring, SignatureRefused, Signer

_FORM = Form(b"countersign standing approval record v1\x00", Standing, lambda standing: standing.digest)


class Standings:
    """The standing approvals of this worker's partitions."""

    def __init__(self, table: Table, signer: Signer, keyring: Keyring) -> None:
        self._records = Records(table, _FORM, STANDING.partitions, signer, keyring)
        self._deadlines = Deadlines()

    def find(self, digest: str) -> Standing | None:
        """What stands for this command. Raises SignatureRefused for a record not written by us."""
        return self._records.find(digest)

    def save(self, standing: Standing) -> Awaitable[object]:
        """Keeps it; done when that is durable."""
        self._deadlines.set(standing.digest, standing.forgotten_at)
        return self._records.save(standing)

    def forget_due(self, now: datetime) -> list[Awaitable[object]]:
        """Forgets those whose time is over: they count for nothing."""
        return [self._records.forget(digest) for digest in self._deadlines.due(now)]

    def recover(self, partitions: Collection[int]) -> None:
        """Takes the times of those on these partitions from the table, and no others."""
        self._deadlines.clear()
        for digest in self._records.keys(partitions):
            try:
                standing = self.find(digest)
            except SignatureRefused:
                continue  # it refuses whoever asks
            if standing is not None:
                self._deadlines.set(digest, standing.forgotten_at)
