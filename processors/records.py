"""Signed records in a Faust table: whoever can write to Kafka alters none, and makes none up."""

from collections.abc import Awaitable, Callable, Collection, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from infra.kafka.bus import partition_of
from schemas.signature import SIGNATURE_LENGTH, Keyring, SignatureRefused, Signer
from schemas.vocabulary import Role

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Form(Generic[R]):
    """A kind of record <-> the signed bytes that a table keeps.

    `domain`: how what is signed begins, unlike any event and any other kind: a signature over one is none
    over another. `key`: where a record is kept."""

    domain: bytes
    kind: type[R]
    key: Callable[[R], str]

    def encode(self, record: R, signer: Signer) -> bytes:
        """The record as bytes signed by the processors; the same bytes for the same record."""
        body = msgspec.msgpack.encode(record)
        return signer.sign(self.domain + body) + body

    def decode(self, key: str, raw: bytes, keyring: Keyring) -> R:
        """The record kept under this key. Raises SignatureRefused when it was not the processors who
        wrote it, or not under this key."""
        signature, body = raw[:SIGNATURE_LENGTH], raw[SIGNATURE_LENGTH:]
        keyring.verify(Role.PROCESSORS, self.domain + body, signature)
        try:
            record = msgspec.msgpack.decode(body, type=self.kind)
        except msgspec.MsgspecError as error:
            raise SignatureRefused("written by a version that kept other things") from error
        if self.key(record) != key:
            raise SignatureRefused("kept under another key")
        return record


class Table(Protocol):
    """What records are kept in: raw key -> raw record, here and in a changelog."""

    @property
    def data(self) -> MutableMapping[bytes, bytes]:
        """The local store."""
        ...

    def log(self, partition: int, key: bytes, record: bytes | None, /) -> Awaitable[object]:
        """Writes the record, None where there is none any more, behind all that were written before; done
        once it is durable."""
        ...


@dataclass(frozen=True, slots=True)
class LoggedTable:
    """A Faust table, whose changelog is written here: beside what is said about a record, and in one request.

    Its own writing (`table[key] = …`) cannot be waited for, nor used by a timer, and has a producer of its
    own: one more request to Kafka for each record, at the very moment when a verdict is on its way.
    """

    table: Any  # faust's
    log: Callable[[int, bytes, bytes | None], Awaitable[object]]

    @property
    def data(self) -> MutableMapping[bytes, bytes]:
        """What Faust restored, and what was kept since."""
        restored: MutableMapping[bytes, bytes] = self.table.data
        return restored


class Records(Generic[R]):
    """The records of one kind on this worker's partitions."""

    def __init__(
        self, table: Table, form: Form[R], partitions: int, signer: Signer, keyring: Keyring
    ) -> None:
        self._table = table
        self._form = form
        self._partitions = partitions
        self._signer = signer
        self._keyring = keyring

    def find(self, key: str) -> R | None:
        """The record, None where there is none. Raises SignatureRefused for one not written by us."""
        raw = self._table.data.get(key.encode())
        return None if raw is None else self._form.decode(key, raw, self._keyring)

    def is_kept(self, key: str, record: R | None) -> bool:
        """Whether this is what is kept under the key already; None: nothing is."""
        raw = None if record is None else self._form.encode(record, self._signer)
        return bool(self._table.data.get(key.encode()) == raw)

    def save(self, record: R) -> Awaitable[object]:
        """Keeps the record under its key."""
        raw = self._form.encode(record, self._signer)
        key = self._form.key(record)
        self._table.data[key.encode()] = raw
        return self._log(key, raw)

    def forget(self, key: str) -> Awaitable[object]:
        """Keeps nothing under the key any more."""
        self._table.data.pop(key.encode(), None)
        return self._log(key, None)

    def keys(self, partitions: Collection[int]) -> Iterator[str]:
        """Those of the records on these partitions."""
        for raw_key in list(self._table.data):
            key = raw_key.decode()
            if partition_of(key, self._partitions) in partitions:
                yield key

    def _log(self, key: str, raw: bytes | None) -> Awaitable[object]:
        return self._table.log(partition_of(key, self._partitions), key.encode(), raw)
