"""One of each event, as the life of a few commands, and the parts that a projector stands between."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from support.builders import configuration, write_configuration
from support.clickhouse import ClickHouse
from support.commands import AGENT_7, DANA, DELETE, DROP, requested
from support.gateway import countersign
from support.processes import free_port, start, stop, tail
from support.wait import eventually

from infra.clickhouse.client import ClickHouse as Client
from infra.clickhouse.client import ClickHouseRefused, ClickHouseUnavailable, connect
from infra.config import load
from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.topics import create_topics
from infra.keys import keyring, signer
from schemas import events as e
from schemas.envelope import Envelope, envelope
from schemas.events import Event
from schemas.ids import approval_id, uuid7
from schemas.topics import SIGNED_BY, TOPICS
from schemas.vocabulary import (
    Access,
    Answer,
    ApprovalState,
    Fallback,
    Intent,
    MaskedField,
    Obligations,
    Outcome,
    ProposalState,
    Role,
    Stage,
)

NODE = "ingress@test#1"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FRAMES = b"frames of a recording, masked"

_ANSWERS = (e.CommandAllowed, e.CommandDenied, e.ApprovalPending, e.CommandRevoked)
_WITH_IDS = "SELECT id FROM events WHERE id IN {ids:Array(String)}"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def heartbeat(node: str, *, started_at: datetime = NOW, at: datetime = NOW) -> e.NodeHeartbeat:
    return e.NodeHeartbeat(
        envelope=envelope(at, node), role=Role.INGRESS, started_at=started_at, status="ready"
    )


def about(event: e.CommandRequested, seconds: float, node: str = NODE) -> Envelope:
    """The envelope of what happens to a command some seconds after the story began."""
    command = event.envelope
    return envelope(
        later(seconds),
        node,
        session=command.session,
        command=command.command,
        principal=command.principal,
        resource=command.resource,
    )


def ask(session: str, seconds: float, **more: Any) -> e.CommandRequested:
    """A command of agent-7 on orders."""
    return requested(at=later(seconds), session=session, **more)


def allow(event: e.CommandRequested, seconds: float, **more: Any) -> e.CommandAllowed:
    fields: dict[str, Any] = {
        "digest": event.digest,
        "rule": "agents read freely",
        "policy_version": "v1",
        "expires_at": later(seconds + 60),
        "obligations": Obligations(),
        "approval": "",
        "decided_by": (),
        "comment": "",
    }
    return e.CommandAllowed(envelope=about(event, seconds, "processors@test#1"), **(fields | more))


def deny(event: e.CommandRequested, seconds: float, **more: Any) -> e.CommandDenied:
    fields: dict[str, Any] = {
        "digest": event.digest,
        "rule": "nobody drops",
        "policy_version": "v1",
        "message": "Dropping is not possible.",
        "hint": "Nothing was executed.",
        "approval": "",
        "state": None,
        "decided_by": (),
        "comment": "",
    }
    return e.CommandDenied(envelope=about(event, seconds, "processors@test#1"), **(fields | more))


def finish(event: e.CommandRequested, seconds: float, **more: Any) -> e.CommandFinished:
    fields: dict[str, Any] = {
        "outcome": Outcome.SUCCEEDED,
        "rows": 3,
        "bytes": 120,
        "microseconds": 4500,
        "error_code": "",
        "error": "",
        "masked": (MaskedField("public.customers.email", "email", 3),),
    }
    return e.CommandFinished(envelope=about(event, seconds), **(fields | more))


def pending(event: e.CommandRequested, seconds: float) -> e.ApprovalPending:
    return e.ApprovalPending(
        envelope=about(event, seconds, "processors@test#1"),
        approval=approval_id(event.envelope.command),
        digest=event.digest,
        rule="changes need a DBA",
        reviewers=("dba",),
        expires_at=later(seconds + 600),
    )


def review(event: e.CommandRequested, seconds: float) -> e.ApprovalRequested:
    return e.ApprovalRequested(
        envelope=about(event, seconds, "processors@test#1"),
        approval=approval_id(event.envelope.command),
        principal=event.principal,
        protocol=event.protocol,
        text=event.text,
        parameters=event.parameters,
        sealed=event.sealed,
        digest=event.digest,
        context=event.context,
        facts=event.facts,
        client_address=event.client_address,
        rule="changes need a DBA",
        policy_version="v1",
        reviewers=("dba",),
        approvals=1,
        expires_at=later(seconds + 600),
        on_timeout=Fallback.DENY,
        valid_for=300.0,
        obligations=Obligations(),
        reply_to=0,
    )


def decide(event: e.CommandRequested, seconds: float) -> e.ReviewDecided:
    return e.ReviewDecided(
        envelope=about(event, seconds, "api@test#1"),
        approval=approval_id(event.envelope.command),
        reviewer=DANA,
        answer=Answer.APPROVE,
        comment="OPS-12, fine",
        digest=event.digest,
    )


def settle(
    event: e.CommandRequested, seconds: float, state: ApprovalState = ApprovalState.APPROVED
) -> e.ApprovalSettled:
    is_approved = state is ApprovalState.APPROVED
    return e.ApprovalSettled(
        envelope=about(event, seconds, "processors@test#1"),
        approval=approval_id(event.envelope.command),
        state=state,
        rule="changes need a DBA",
        decided_by=("dana",) if is_approved else (),
        comment="OPS-12, fine" if is_approved else "",
        requested_at=later(seconds - 1),
    )


def chunk(session: str, sequence: int, seconds: float = 0, data: bytes = FRAMES) -> e.RecordingChunk:
    return e.RecordingChunk(
        envelope=envelope(later(seconds), NODE, session=session, principal="agent-7", resource="orders"),
        sequence=sequence,
        format="postgres",
        frames=zstandard.compress(data),
    )


def opened(session: str, seconds: float = 0) -> e.SessionOpened:
    return e.SessionOpened(
        envelope=envelope(later(seconds), NODE, session=session, principal="agent-7", resource="orders"),
        principal=AGENT_7,
        protocol="postgres",
        database="orders",
        client_address="127.0.0.1:53122",
        client_name="psql",
        method="federated",
        token="jwt-1",
    )


def closed(session: str, seconds: float) -> e.SessionClosed:
    return e.SessionClosed(envelope=envelope(later(seconds), NODE, session=session), reason="the client left")


@dataclass(frozen=True, slots=True)
class Story:
    """A session with a command of each fate, and every event there is."""

    session: str = field(default_factory=lambda: uuid7(NOW))

    @property
    def events(self) -> list[Event]:
        session = self.session
        read = ask(session, 1, text="select email from customers", parameters=("1", None))
        write = ask(session, 2, facts=DELETE, text="delete from orders where id = 7")
        drop = ask(session, 3, facts=DROP, text="drop table orders")
        left = ask(session, 4, facts=DELETE, text="delete from orders where id = 8")
        prepared = ask(session, 5, stage=Stage.PREPARE, text="select 1")
        refused = ask(session, 6, stage=Stage.PREPARE, facts=DROP, text="drop table customers")
        node = envelope(NOW, "processors@test#1")
        return [
            heartbeat(NODE),
            opened(session),
            read,
            allow(read, 1.1),
            finish(read, 1.2),
            write,
            pending(write, 2.1),
            review(write, 2.1),
            decide(write, 2.5),
            settle(write, 2.6),
            allow(
                write,
                2.6,
                rule="changes need a DBA",
                approval=approval_id(write.envelope.command),
                decided_by=("dana",),
                comment="OPS-12, fine",
            ),
            finish(write, 2.7, rows=1, masked=()),
            e.CommandRevoked(
                envelope=about(write, 2.8, "processors@test#1"),
                digest=write.digest,
                approval=approval_id(write.envelope.command),
                revoked_by="erin",
                comment="too late",
            ),
            drop,
            deny(drop, 3.1),
            left,
            pending(left, 4.1),
            review(left, 4.1),
            e.CommandAbandoned(envelope=about(left, 4.5), reason="the client left"),
            e.ApprovalWithdrawn(
                envelope=about(left, 4.5),
                approval=approval_id(left.envelope.command),
                reason="the client left",
            ),
            settle(left, 4.6, ApprovalState.WITHDRAWN),
            prepared,
            allow(prepared, 5.1),
            refused,
            deny(refused, 6.1),
            chunk(session, 0, 1.5),
            e.SessionTerminated(envelope=envelope(later(7), NODE, session=session), reason="enough"),
            closed(session, 7.1),
            e.PolicyPublished(envelope=node, bundle="default", policy_version="v1", document="{}"),
            e.PolicyProposed(
                envelope=envelope(NOW, "api@test#1"),
                bundle="main",
                proposal="proposal-1",
                author=DANA,
                text="policies: []",
                digest="d",
                base="",
                diff="",
                comment="OPS-12",
            ),
            e.PolicyReviewed(
                envelope=envelope(NOW, "api@test#1"),
                bundle="main",
                proposal="proposal-1",
                reviewer=DANA,
                answer=Answer.APPROVE,
                digest="d",
                comment="",
            ),
            e.PolicySettled(
                envelope=envelope(NOW, "processors@test#1"),
                bundle="main",
                proposal="proposal-1",
                state=ProposalState.PUBLISHED,
                digest="d",
                base="",
                decided_by=("dana",),
                comment="",
            ),
            e.CommandEstimated(
                envelope=envelope(NOW, "ingress@test#1", principal="agent-7", resource="orders"),
                approval="approval-9",
                rows=12,
                cost=3.5,
            ),
            e.PauseLifted(
                envelope=envelope(NOW, "processors@test#1", principal="agent-7", resource="orders"),
                approval="approval-9",
                rule="agents write",
                lifted_by="dana",
                comment="",
            ),
            e.ApprovalEscalated(
                envelope=envelope(NOW, "processors@test#1", principal="agent-7", resource="orders"),
                approval="approval-9",
                reviewers=("managers",),
            ),
            e.AccessRequested(
                envelope=envelope(NOW, "api@test#1", principal="agent-7", resource="orders"),
                approval="approval-9",
                principal=AGENT_7,
                intents=(Intent.WRITE,),
                access=Access(1800, later(60)),
                reason="OPS-12",
                ticket="OPS-12",
                client_address="127.0.0.1:5000",
            ),
            e.GrantIssued(
                envelope=envelope(NOW, "processors@test#1", principal="agent-7", resource="orders"),
                grant="grant-1",
                fingerprint="f",
                pattern="delete from orders where id = $1",
                issued_by="dana",
                expires_at=later(60),
                uses=None,
            ),
            e.GrantRevoked(
                envelope=envelope(NOW, "api@test#1"), grant="grant-1", revoked_by="dana", reason="done"
            ),
            e.TokenIssued(
                envelope=envelope(NOW, "api@test#1", principal="dana"),
                principal=DANA,
                token="token-1",
                method="oidc",
                authenticated_at=NOW,
                expires_at=later(3600),
                sign_ins=("token-1", "login-1"),
                client_address="127.0.0.1",
            ),
            e.TokensRevoked(
                envelope=envelope(NOW, "api@test#1", principal="dana"),
                token="token-1",
                before=NOW,
                revoked_by="dana",
                reason="signed out",
            ),
            e.UserProvisioned(
                envelope=envelope(NOW, "api@test#1", principal="dana"),
                entry="user-1",
                name="dana",
                active=True,
                external_id="00u1",
                display_name="Dana",
            ),
            e.GroupProvisioned(
                envelope=envelope(NOW, "api@test#1"),
                entry="group-1",
                name="dba",
                external_id="00g1",
                joined=("user-1",),
                left=(),
            ),
            e.EntryRemoved(envelope=envelope(NOW, "api@test#1"), entry="group-1", name="dba"),
            e.CheckpointSigned(
                envelope=envelope(NOW, "projections@test#1"),
                topic="another",
                partition=0,
                offset=1,
                chain="00" * 32,
            ),
            e.EventRejected(
                envelope=envelope(NOW, "processors@test#1"),
                topic="another",
                partition=0,
                offset=1,
                reason="not signed",
                raw=b"\x00\xff",
            ),
        ]


@dataclass(slots=True)
class Scene:
    """Kafka, ClickHouse, a bus for each role, and a projector that a test starts and stops."""

    clickhouse: ClickHouse
    kafka: EmbeddedKafka
    buses: dict[Role, Bus]
    client: Client
    projector: Any = None

    @property
    def log(self) -> Path:
        return self.clickhouse.config_path.with_name("projections.log")

    def start_projector(self) -> None:
        """Starts it as a process; it may not follow the topics yet."""
        path = str(self.clickhouse.config_path)
        self.projector = start(countersign("projections", "--config", path), self.log)

    def stop_projector(self) -> None:
        assert stop(self.projector) == 0, tail(self.log)

    async def publish(self, events: Iterable[Event]) -> list[str]:
        """Publishes each event as a role that may say it; their ids, once they are durable."""
        futures, ids = [], []
        for event in events:
            bus = self.buses[SIGNED_BY[type(event)][0]]
            partition = 0 if type(event) in _ANSWERS else None
            futures.append(await bus.publish(event, partition=partition))
            ids.append(event.envelope.id)
        await asyncio.gather(*futures)
        return ids

    async def projected(self, ids: Sequence[str]) -> list[str]:
        """The ids that `events` has of these, each as often as it is there."""
        return sorted(row["id"] for row in await self.client.query(_WITH_IDS, {"ids": list(ids)}))

    async def all_projected(self, ids: Sequence[str], seconds: float = 60) -> None:
        """Returns when each of these events is there; more than once is a failure."""

        async def holds() -> bool:
            try:
                found = await self.projected(ids)
            except (ClickHouseUnavailable, ClickHouseRefused):
                return False  # it is away, or the projector has not made the tables yet
            assert len(found) == len(set(found))
            return found == sorted(ids)

        await eventually(holds, seconds=seconds, what="the projection")


@asynccontextmanager
async def on_scene(folder: Path) -> AsyncIterator[Scene]:
    """A Kafka with the topics and an embedded ClickHouse, of one configuration in `folder`."""
    port = free_port()
    path = write_configuration(
        folder, configuration(listen={"clickhouse": f"127.0.0.1:{port}"}, resources=[]), {}
    )
    config = load(path)
    clickhouse = ClickHouse(path, config, port, None)
    kafka = EmbeddedKafka(config.state)
    await kafka.start()
    clickhouse.start()
    buses: dict[Role, Bus] = {}
    scene = Scene(clickhouse, kafka, buses, connect(config))
    try:
        await create_topics(KafkaAddress(kafka.bootstrap))
        for role in Role:
            buses[role] = Bus(
                KafkaAddress(kafka.bootstrap), signer(config.state, role), keyring(config.state)
            )
            await buses[role].start()
        await _settled(buses[Role.PROJECTIONS])
        yield scene
    finally:
        if scene.projector is not None and scene.projector.poll() is None:
            stop(scene.projector)
        await scene.client.close()
        for bus in buses.values():
            await bus.stop()
        stop(clickhouse.process)
        await kafka.stop()


async def _settled(bus: Bus) -> None:
    """Returns when the broker answers for every partition: after topics are made it needs a while."""
    places = [(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
    subscription = await bus.consume_from(dict.fromkeys(places, 0))
    await subscription.ends()
    await subscription.close()
