from datetime import timedelta

import pytest
from support.reviews import NOW
from support.signing import KEYRING, signer, stranger
from support.table import MemoryTable

from infra.kafka.bus import partition_of
from processors.app import STANDING
from processors.approvals.standing import Standing, Use
from processors.standings import Standings
from schemas.envelope import envelope
from schemas.signature import SignatureRefused
from schemas.vocabulary import ApprovalState, Role

STANDS = Standing(
    "d" * 64,
    "an approval",
    "items at once",
    "9b1c",
    300.0,
    NOW,
    NOW + timedelta(minutes=5),
    ApprovalState.APPROVED,
    ("dana",),
    "once",
    (Use("an approval", envelope(NOW, "processors@test#1", command="a command"), 3, NOW),),
)
LATE = STANDS.forgotten_at


def standings(table: MemoryTable) -> Standings:
    return Standings(table, signer(Role.PROCESSORS), KEYRING)


async def test_what_is_kept_is_found_again_where_its_digest_belongs() -> None:
    table = MemoryTable()
    assert standings(table).find(STANDS.digest) is None
    standings(table).save(STANDS)
    assert standings(table.restored()).find(STANDS.digest) == STANDS
    assert [place for place, _, _ in table.changelog] == [partition_of(STANDS.digest, STANDING.partitions)]


async def test_a_record_of_somebody_else_or_of_another_command_is_refused() -> None:
    table = MemoryTable()
    Standings(table, stranger(Role.PROCESSORS), KEYRING).save(STANDS)
    with pytest.raises(SignatureRefused):
        standings(table).find(STANDS.digest)
    standings(table).save(STANDS)
    table.data[b"e" * 64] = table.data[STANDS.digest.encode()]
    with pytest.raises(SignatureRefused, match="another key"):
        standings(table).find("e" * 64)


async def test_it_is_forgotten_after_its_time() -> None:
    table = MemoryTable()
    kept = standings(table)
    kept.save(STANDS)
    assert kept.forget_due(LATE - timedelta(seconds=1)) == []
    assert len(kept.forget_due(LATE)) == 1
    assert table.restored().data == {}
    assert kept.forget_due(LATE) == []


async def test_a_new_worker_forgets_its_own() -> None:
    table = MemoryTable()
    standings(table).save(STANDS)
    here = partition_of(STANDS.digest, STANDING.partitions)
    for places, forgotten in (({here}, 1), (set(range(8)) - {here}, 0)):
        kept = standings(table.restored())
        kept.recover(places)
        assert len(kept.forget_due(LATE)) == forgotten
