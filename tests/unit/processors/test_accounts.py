import pytest
from support.commands import NOW
from support.signing import KEYRING, signer, stranger
from support.table import MemoryTable

from infra.kafka.bus import partition_of
from processors.accounts import Accounts
from processors.app import BUDGETS
from processors.policy.budgets import Account, Drawn
from processors.policy.rule import Budget, Measure
from schemas.signature import SignatureRefused
from schemas.vocabulary import Role

ACCOUNT = Account(
    "agent-7",
    {"r\x00rows\x0060": {7: 5}},
    {
        "c": Drawn(
            NOW.timestamp(), NOW.timestamp() + 9, (("r", Budget(Measure.ROWS, 9, 60)),), True, {"rows": 5}
        )
    },
)


def accounts(table: MemoryTable) -> Accounts:
    return Accounts(table, signer(Role.PROCESSORS), KEYRING)


async def test_what_is_kept_is_found_again() -> None:
    table = MemoryTable()
    assert accounts(table).find("agent-7") == Account("agent-7")
    accounts(table).save(ACCOUNT)
    assert accounts(table).find("agent-7") == ACCOUNT


async def test_it_goes_to_the_partition_of_its_principal() -> None:
    table = MemoryTable()
    accounts(table).save(ACCOUNT)
    assert [partition for partition, _, _ in table.changelog] == [partition_of("agent-7", BUDGETS.partitions)]


async def test_a_record_of_somebody_else_is_refused() -> None:
    table = MemoryTable()
    Accounts(table, stranger(Role.PROCESSORS), KEYRING).save(ACCOUNT)
    with pytest.raises(SignatureRefused):
        accounts(table).find("agent-7")


async def test_one_principals_record_is_not_anothers() -> None:
    table = MemoryTable()
    accounts(table).save(ACCOUNT)
    table.data[b"otto"] = table.data[b"agent-7"]
    with pytest.raises(SignatureRefused, match="another key"):
        accounts(table).find("otto")
