"""What principals used of their budgets, in the Faust table."""

from collections.abc import Awaitable
from typing import Any

import msgspec

from infra.kafka.bus import partition_of
from processors.app import BUDGETS
from processors.policy.budgets import Account
from schemas.signature import SIGNATURE_LENGTH, Keyring, SignatureRefused, Signer
from schemas.vocabulary import Role

# No event begins like this, and no record of an approval.
_DOMAIN = b"countersign account record v1\x00"


class Accounts:
    """The accounts of this worker's partitions. Records are signed: whoever can write to Kafka cannot give
    anybody room."""

    def __init__(self, table: Any, signer: Signer, keyring: Keyring) -> None:
        self._table = table  # a faust Table: raw principal -> raw record
        self._signer = signer
        self._keyring = keyring

    def find(self, principal: str) -> Account:
        """The account, a new one where there is none. Raises SignatureRefused for one not written by us: who
        forged a record must not be given an empty one."""
        record = self._table.data.get(principal.encode())
        if record is None:
            return Account(principal)
        signature, body = record[:SIGNATURE_LENGTH], record[SIGNATURE_LENGTH:]
        self._keyring.verify(Role.PROCESSORS, _DOMAIN + body, signature)
        try:
            account = msgspec.msgpack.decode(body, type=Account)
        except msgspec.MsgspecError as error:
            raise SignatureRefused("written by a version that kept other things") from error
        if account.principal != principal:
            raise SignatureRefused("kept under another principal's name")
        return account

    def save(self, account: Account) -> Awaitable[object]:
        """Keeps the account; done when that is durable (why not `table[key] = …`: processors/desk.py)."""
        key = account.principal.encode()
        body = msgspec.msgpack.encode(account)
        record = self._table.data[key] = self._signer.sign(_DOMAIN + body) + body
        written: Awaitable[object] = self._table.send_changelog(
            partition_of(account.principal, BUDGETS.partitions),
            key,
            record,
            key_serializer="raw",
            value_serializer="raw",
        )
        return written
