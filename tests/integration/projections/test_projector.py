"""The projector before real parts: exactly once, whatever dies in between."""

import asyncio
import hashlib
import signal
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.processes import stop, tail
from support.story import NODE, Scene, Story, ask, finish, heartbeat, on_scene
from support.wait import eventually

from infra.clickhouse.client import ClickHouseRefused, ClickHouseUnavailable
from infra.kafka.bus import partition_of
from infra.keys import keyring
from projections.verification import verify
from schemas.codec import decode, encode
from schemas.events import EVENTS
from schemas.ids import uuid7
from schemas.signature import Signer
from schemas.topics import COMMANDS, TOPIC_OF
from schemas.vocabulary import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_one_of_each_event_is_there_once_with_its_bytes(scene: Scene) -> None:
    events = Story().events
    assert {type(event) for event in events} == set(EVENTS.values())
    await scene.all_projected(await scene.publish(events))
    for event in events:
        (row,) = await scene.client.query(
            "SELECT type, topic, session, command, is_verified, raw, raw_sha256 FROM events"
            " WHERE id = {id:String}",
            {"id": event.envelope.id},
            binary=["raw"],
        )
        assert row["type"] == type(event).__name__
        assert row["topic"] == TOPIC_OF[type(event)].name
        assert decode(row["raw"]) == event
        assert (row["session"], row["command"]) == (event.envelope.session, event.envelope.command)
        assert row["is_verified"] == 1
        assert hashlib.sha256(row["raw"]).hexdigest() == row["raw_sha256"]


async def test_what_is_no_event_is_recorded_and_reported(scene: Scene) -> None:
    forged = encode(
        ask(uuid7(heartbeat(NODE).started_at), 0), Signer(Role.INGRESS, Ed25519PrivateKey.generate())
    )
    misplaced = encode(heartbeat(NODE), _signer(scene))
    bad = [b"garbage", b"", forged, misplaced]
    producer = AIOKafkaProducer(bootstrap_servers=scene.kafka.bootstrap)
    await producer.start()
    try:
        stored = [await producer.send_and_wait(COMMANDS.name, raw, partition=5) for raw in bad]
    finally:
        await producer.stop()
    given = {"offsets": [place.offset for place in stored]}
    sql = (
        "SELECT type, is_verified, reason, raw_sha256, raw FROM events WHERE topic = 'countersign.commands'"
        " AND partition = 5 AND offset IN {offsets:Array(UInt64)} ORDER BY offset"
    )

    async def recorded() -> bool:
        return len(await scene.client.query(sql, given)) == len(bad)

    await eventually(recorded, what="the records")
    rows = await scene.client.query(sql, given)
    assert [row["raw_sha256"] for row in rows] == [hashlib.sha256(raw).hexdigest() for raw in bad]
    assert {(row["type"], row["is_verified"], row["raw"]) for row in rows} == {("", 0, "")}
    assert [row["reason"] for row in rows] == [
        "not Avro single-object encoding",
        "not Avro single-object encoding",
        "CommandRequested is not signed by a key of ingress",
        "NodeHeartbeat does not belong here",
    ]

    async def reported() -> bool:
        letters = await scene.client.query(
            "SELECT JSONExtractUInt(payload, 'offset') AS place FROM events WHERE type = 'EventRejected'"
            " AND JSONExtractString(payload, 'topic') = 'countersign.commands'"
            " AND JSONExtractUInt(payload, 'partition') = 5"
        )
        return sorted(row["place"] for row in letters) == given["offsets"]

    await eventually(reported, what="the dead letters")


def _signer(scene: Scene) -> Signer:
    return scene.buses[Role.INGRESS]._signer


async def test_nothing_is_lost_or_doubled_when_parts_die(tmp_path: Path) -> None:
    """Events flow while the projector is killed, ClickHouse is killed, and both come back."""
    async with on_scene(tmp_path) as scene:
        scene.start_projector()
        ids: list[str] = []
        session = uuid7(heartbeat(NODE).started_at)

        async def produce(number: int) -> None:
            for first in range(number):
                event = ask(session, first / 1000)
                ids.extend(await scene.publish([event, finish(event, first / 1000)]))

        async def some_are_there(least: int) -> None:
            async def holds() -> bool:
                try:
                    return len(await scene.projected(ids)) >= least
                except (ClickHouseUnavailable, ClickHouseRefused):
                    return False

            await eventually(holds, seconds=60, what=f"{least} events")

        await produce(150)
        await some_are_there(1)
        producing = asyncio.create_task(produce(400))
        stop(scene.projector, by=signal.SIGKILL)
        await asyncio.sleep(0)
        scene.start_projector()
        await some_are_there(320)
        stop(scene.clickhouse.process, by=signal.SIGKILL)
        await producing
        await asyncio.to_thread(scene.clickhouse.start)
        producing = asyncio.create_task(produce(300))
        stop(scene.projector, by=signal.SIGTERM)
        scene.start_projector()
        await producing
        await scene.all_projected(ids)

        (counted,) = await scene.client.query(
            "SELECT count() AS n, uniqExact(command) AS commands, sum(rows) AS rows, sum(masked) AS masked,"
            " countIf(outcome = 'succeeded') AS succeeded FROM commands WHERE session = {session:String}",
            {"session": session},
        )
        assert counted == {"n": 850, "commands": 850, "rows": 2550, "masked": 2550, "succeeded": 850}
        (fields,) = await scene.client.query("SELECT count() AS n, sum(count) AS values FROM masked_fields")
        assert fields == {"n": 850, "values": 2550}
        scene.stop_projector()
        findings = await verify(scene.client, keyring(scene.clickhouse.config.state))
        assert sum(finding.events for finding in findings) >= 1700
        assert [finding for finding in findings if finding.problem] == []


async def test_it_waits_for_a_clickhouse_that_starts_later(tmp_path: Path) -> None:
    async with on_scene(tmp_path) as scene:
        stop(scene.clickhouse.process)
        scene.start_projector()
        ids = await scene.publish(Story().events)
        await eventually(lambda: "projection_waits" in tail(scene.log), what="waiting")
        await asyncio.to_thread(scene.clickhouse.start)
        await scene.all_projected(ids)
        text = scene.log.read_text()
        assert "Traceback" not in text
        assert "projection_goes_on" in text


async def test_it_refuses_another_kafka_than_the_audit_log_was_written_from(tmp_path: Path) -> None:
    async with on_scene(tmp_path) as scene:
        scene.start_projector()
        await scene.all_projected(await scene.publish(Story().events))
        scene.stop_projector()
        await scene.client.insert(
            "event_rows",
            ["topic", "partition", "offset", "chain"],
            [["countersign.commands"], [0], [1_000_000], [b"\0" * 32]],
        )
        scene.start_projector()
        await eventually(lambda: scene.projector.poll() is not None, what="its end")
        assert scene.projector.returncode == 1
        assert "written up to offset 1000000" in tail(scene.log)


async def test_a_checkpoint_is_signed_and_the_ledger_finds_what_was_changed(tmp_path: Path) -> None:
    async with on_scene(tmp_path) as scene:
        scene.start_projector()
        session = uuid7(heartbeat(NODE).started_at)
        await scene.all_projected(
            await scene.publish([ask(session, number / 1000) for number in range(1100)])
        )
        topic, partition = "countersign.commands", partition_of(session, 16)

        async def signed() -> bool:
            rows = await scene.client.query(
                "SELECT count() AS n FROM events WHERE type = 'CheckpointSigned' AND is_verified"
            )
            return int(rows[0]["n"]) == 1

        await eventually(signed, what="a checkpoint")
        scene.stop_projector()
        keys = keyring(scene.clickhouse.config.state)
        found = {(row.topic, row.partition): row for row in await verify(scene.client, keys)}
        assert found[topic, partition].problem is None
        assert found[topic, partition].checkpoints == 1
        assert Counter(row.problem for row in found.values()) == Counter({None: len(found)})

        changed = (
            "ALTER TABLE event_rows UPDATE raw = 'x' WHERE offset = 17 SETTINGS mutations_sync = 1",
            "ALTER TABLE event_rows DELETE WHERE offset = 5 SETTINGS mutations_sync = 1",
        )
        problems = []
        for statement in changed:
            await scene.client.command(statement)
            rows = {(row.topic, row.partition): row.problem for row in await verify(scene.client, keys)}
            problems.append(rows[topic, partition])
        assert problems == [
            "offset 17: the bytes are not those that were hashed",
            "offset 17: the bytes are not those that were hashed",
        ]
        await scene.client.command(
            "ALTER TABLE event_rows DELETE WHERE offset = 17 SETTINGS mutations_sync = 1"
        )
        rows = {(row.topic, row.partition): row.problem for row in await verify(scene.client, keys)}
        assert rows[topic, partition] == "offset 6: the chain does not follow from offset 4"
