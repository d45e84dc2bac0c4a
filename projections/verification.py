"""Reads the ledger back from ClickHouse and says whether it holds."""

from dataclasses import dataclass

from infra.clickhouse.client import ClickHouse
from projections.ledger import ChainCheck, Entry, Partition
from schemas.codec import NotAnEvent, decode_verified
from schemas.events import CheckpointSigned
from schemas.signature import Keyring, SignatureRefused
from schemas.topics import LEDGER

_PAGE = 20_000  # events read at once

_PARTITIONS = "SELECT DISTINCT topic, partition FROM event_rows ORDER BY topic, partition"

_ENTRIES = """
SELECT offset, raw_hash, chain, raw != '' AS has_raw, SHA256(raw) = raw_hash AS is_hash_of_raw
FROM event_rows FINAL
WHERE topic = {topic:String} AND partition = {partition:UInt32} AND offset >= {next:UInt64}
ORDER BY offset
LIMIT {most:UInt32}
"""

_CHECKPOINTS = """
SELECT offset, raw FROM event_rows FINAL
WHERE topic = {topic:String} AND type = 'CheckpointSigned' AND offset >= {next:UInt64}
ORDER BY offset
LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one partition. `problem` is None where the chain holds."""

    topic: str
    partition: int
    events: int
    checkpoints: int
    problem: str | None


async def verify(clickhouse: ClickHouse, keyring: Keyring) -> list[Finding]:
    """One finding a partition: hashes of the raw bytes, the chain, and the checkpoints that were signed.

    Raises ClickHouseUnavailable and ClickHouseRefused.
    """
    signed, problem = await _checkpoints(clickhouse, keyring)
    findings = [Finding(LEDGER.name, 0, 0, 0, problem)] if problem else []
    for row in await clickhouse.query(_PARTITIONS):
        partition = (row["topic"], row["partition"])
        findings.append(await _verify_partition(clickhouse, partition, signed.get(partition, {})))
    return findings


async def _verify_partition(
    clickhouse: ClickHouse, partition: Partition, signed: dict[int, bytes]
) -> Finding:
    check = ChainCheck(partition, signed)
    events = following = 0
    changed = None
    while True:
        given = {"topic": partition[0], "partition": partition[1], "next": following, "most": _PAGE}
        page = await clickhouse.query(_ENTRIES, given)
        for row in page:
            if row["has_raw"] and not row["is_hash_of_raw"] and changed is None:
                changed = f"offset {row['offset']}: the bytes are not those that were hashed"
            check.add(Entry(row["offset"], row["raw_hash"], row["chain"]))
        events += len(page)
        if len(page) < _PAGE:
            return Finding(*partition, events, len(signed), changed or check.problem)
        following = page[-1]["offset"] + 1


async def _checkpoints(
    clickhouse: ClickHouse, keyring: Keyring
) -> tuple[dict[Partition, dict[int, bytes]], str | None]:
    """Partition -> offset -> the link that was signed, and what is wrong with the checkpoints themselves."""
    signed: dict[Partition, dict[int, bytes]] = {}
    problem = None
    following = 0
    while True:
        given = {"topic": LEDGER.name, "next": following, "most": _PAGE}
        page = await clickhouse.query(_CHECKPOINTS, given, binary=["raw"])
        for row in page:
            try:
                event = decode_verified(row["raw"], keyring)
            except (NotAnEvent, SignatureRefused) as error:
                problem = problem or f"offset {row['offset']}: {error}"
                continue
            assert isinstance(event, CheckpointSigned)
            signed.setdefault((event.topic, event.partition), {})[event.offset] = bytes.fromhex(event.chain)
        if len(page) < _PAGE:
            return signed, problem
        following = page[-1]["offset"] + 1
