"""What principals used of their budgets, in the Faust table."""

from collections.abc import Awaitable

from processors.app import BUDGETS
from processors.policy.budgets import Account
from processors.records import Form, Records, Table
from schemas.signature import Keyring, Signer

_FORM = Form(b"countersign account record v1\x00", Account, lambda account: account.principal)


class Accounts:
    """The accounts of this worker's partitions. Who forged a record gives nobody room."""

    def __init__(self, table: Table, signer: Signer, keyring: Keyring) -> None:
        self._records = Records(table, _FORM, BUDGETS.partitions, signer, keyring)

    def find(self, principal: str) -> Account:
        """The account, a new one where there is none. Raises SignatureRefused for one not written by us: who
        forged a record must not be given an empty one."""
        return self._records.find(principal) or Account(principal)

    def save(self, account: Account) -> Awaitable[object]:
        """Keeps the account; done when that is durable."""
        return self._records.save(account)
