from datetime import timedelta

import pytest
from support.commands import DELETE, NOW, requested
from support.grants import grant_issued, grant_revoked
from support.signing import KEYRING, signer, stranger
from support.table import MemoryTable

from infra.kafka.bus import partition_of
from processors.app import BUDGETS
from processors.grantings import Grantings
from processors.grants.granted import Granted, issue, revoke, use
from schemas.signature import SignatureRefused
from schemas.vocabulary import Role

GIVEN = issue(Granted("agent-7"), grant_issued(), NOW)
GRANTED = revoke(
    use(GIVEN, GIVEN.grants[0], requested(DELETE), NOW)[0],
    grant_revoked("another"),
)[0]
END = NOW + timedelta(minutes=10)


def grantings(table: MemoryTable) -> Grantings:
    return Grantings(table, signer(Role.PROCESSORS), KEYRING)


async def test_what_is_kept_is_found_again() -> None:
    table = MemoryTable()
    assert grantings(table).find("agent-7") == Granted("agent-7")
    grantings(table).save(GRANTED)
    assert grantings(table).find("agent-7") == GRANTED


async def test_it_goes_to_the_partition_of_its_principals_account() -> None:
    table = MemoryTable()
    grantings(table).save(GRANTED)
    assert [partition for partition, _, _ in table.changelog] == [partition_of("agent-7", BUDGETS.partitions)]


async def test_what_is_over_leaves_nothing_behind() -> None:
    table = MemoryTable()
    kept = grantings(table)
    kept.save(GRANTED)
    kept.save(Granted("agent-7"))
    assert table.data == {}
    assert table.changelog[-1][2] is None


async def test_it_is_due_when_a_grant_ends_also_after_a_restart() -> None:
    table = MemoryTable()
    first = grantings(table)
    first.save(GIVEN)
    mine = partition_of("agent-7", BUDGETS.partitions)
    restarted, elsewhere = grantings(table), grantings(table)
    restarted.recover({mine})
    elsewhere.recover({mine + 1})
    for kept, expected in ((first, ["agent-7"]), (restarted, ["agent-7"]), (elsewhere, [])):
        assert kept.due(END - timedelta(seconds=1)) == []
        assert kept.due(END) == expected


async def test_a_record_of_somebody_else_is_refused_and_keeps_nothing_from_starting() -> None:
    table = MemoryTable()
    Grantings(table, stranger(Role.PROCESSORS), KEYRING).save(GRANTED)
    kept = grantings(table)
    with pytest.raises(SignatureRefused):
        kept.find("agent-7")
    kept.recover(range(BUDGETS.partitions))
    assert kept.due(END) == []


async def test_one_principals_record_is_not_anothers() -> None:
    table = MemoryTable()
    grantings(table).save(GRANTED)
    table.data[b"otto"] = table.data[b"agent-7"]
    with pytest.raises(SignatureRefused, match="another key"):
        grantings(table).find("otto")
