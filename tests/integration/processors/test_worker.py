"""Verdicts and approvals by a real worker over a real Kafka."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.builders import SENSITIVE
from support.commands import DELETE, DROP, ERIN, READ, requested
from support.processors_role import Worker
from support.reviews import AUDREY, DANA, decided
from support.wait import eventually

from infra.clock import now
from infra.kafka.bus import Received
from schemas.envelope import envelope
from schemas.events import (
    ApprovalPending,
    ApprovalRequested,
    ApprovalSettled,
    ApprovalWithdrawn,
    CommandAllowed,
    CommandDenied,
    CommandRequested,
    NodeHeartbeat,
    PolicyPublished,
)
from schemas.topics import HEARTBEATS, POLICIES
from schemas.vocabulary import Answer, ApprovalState, Facts, Intent, Role, Stage

pytestmark = pytest.mark.usefixtures("worker")

UPDATE = Facts((Intent.WRITE,), ("update",), ("public.orders",))
ALTER = Facts((Intent.DDL,), ("alter_table",), ("public.orders",))


async def ask(world: Any, facts: Facts = READ, **more: Any) -> CommandRequested:
    request = requested(facts, at=now(), **more)
    await world.ingress.publish_durably(request)
    return request


async def under_review(world: Any, facts: Facts = DELETE) -> ApprovalRequested:
    request = await ask(world, facts)
    pending: ApprovalPending = await world.said.first(ApprovalPending, request.envelope.command)
    found: ApprovalRequested = await world.said.first(ApprovalRequested, request.envelope.command)
    assert pending.approval == found.approval
    return found


def partition_of_verdict(world: Any, command: str) -> int:
    (place,) = {
        item.partition
        for item in world.said.received
        if item.event.envelope.command == command and item.topic.endswith("verdicts")
    }
    return int(place)


@pytest.mark.parametrize("reply_to", [0, 7, 15])
async def test_allow(world: Any, reply_to: int) -> None:
    request = await ask(world, READ, reply_to=reply_to)
    allowed = await world.said.first(CommandAllowed, request.envelope.command)
    assert (allowed.digest, allowed.rule) == (request.digest, "agents read freely")
    assert allowed.envelope.node.startswith("processors@")
    masks = {column.pattern: column.mask for column in allowed.obligations.masking.columns}
    assert masks == SENSITIVE["columns"]
    assert partition_of_verdict(world, request.envelope.command) == reply_to


async def test_deny(world: Any) -> None:
    request = await ask(world, DROP)
    denied = await world.said.first(CommandDenied, request.envelope.command)
    assert denied.rule == "nobody drops production data"
    assert denied.message == "Dropping production data is not possible through the gateway."


async def test_a_preparation_of_what_is_reviewed_goes_through(world: Any) -> None:
    request = await ask(world, DELETE, stage=Stage.PREPARE)
    await world.said.first(CommandAllowed, request.envelope.command)
    assert world.said.of(ApprovalRequested, request.envelope.command) == []


async def test_approved(world: Any) -> None:
    request = await under_review(world)
    assert world.said.of(CommandAllowed, request.envelope.command) == []
    await world.api.publish_durably(decided(request, DANA, at=now()))
    allowed = await world.said.first(CommandAllowed, request.envelope.command)
    assert (allowed.approval, allowed.digest) == (request.approval, request.digest)
    assert (allowed.decided_by, allowed.comment) == (("dana",), "OPS-12, fine")
    assert allowed.policy_version == request.policy_version
    settled = await world.said.first(ApprovalSettled, request.envelope.command)
    assert (settled.state, settled.decided_by) == (ApprovalState.APPROVED, ("dana",))


async def test_rejected(world: Any) -> None:
    request = await under_review(world)
    await world.api.publish_durably(decided(request, DANA, Answer.REJECT, at=now(), comment="no"))
    denied = await world.said.first(CommandDenied, request.envelope.command)
    assert (denied.state, denied.decided_by, denied.comment) == (ApprovalState.REJECTED, ("dana",), "no")


async def test_two_persons_must_agree(world: Any) -> None:
    request = await under_review(world, ALTER)
    for _ in range(2):
        await world.api.publish_durably(decided(request, DANA, at=now()))
    await world.api.publish_durably(decided(request, AUDREY, at=now()))
    me = replace(request.principal, groups=("dba",))
    await world.api.publish_durably(decided(request, me, at=now()))
    await world.api.publish_durably(decided(request, ERIN, at=now(), comment="me too"))
    allowed = await world.said.first(CommandAllowed, request.envelope.command)
    assert allowed.decided_by == ("dana", "erin")


async def test_when_no_reviewer_can_be_reached(world: Any) -> None:
    """The API is heard of once, and then no more: what its rule does not hold is decided by that."""
    here = envelope(now(), "api@test#1")
    alive = NodeHeartbeat(envelope=here, role=Role.API, started_at=now(), status="ready")
    await world.api.publish_durably(alive)
    denies, reserved = [
        await under_review(world, Facts((Intent.NETWORK,), (kind,), ("public.orders",)))
        for kind in ("merge", "lock")
    ]
    held = await under_review(world)
    denied = await world.said.first(CommandDenied, denies.envelope.command, seconds=40)
    allowed = await world.said.first(CommandAllowed, reserved.envelope.command, seconds=40)
    assert (denied.unattended, allowed.unattended, allowed.rule) == (True, True, "in reserve")
    settled = await world.said.first(ApprovalSettled, reserved.envelope.command)
    assert (settled.state, settled.unattended) == (ApprovalState.TIMED_OUT, True)
    await world.api.publish_durably(decided(held, DANA, at=now()))
    await world.said.first(CommandAllowed, held.envelope.command)


async def test_withdrawn(world: Any) -> None:
    request = await under_review(world)
    left = ApprovalWithdrawn(
        envelope=envelope(now(), "ingress@test#1"), approval=request.approval, reason="the client left"
    )
    await world.ingress.publish_durably(left)
    denied = await world.said.first(CommandDenied, request.envelope.command)
    assert denied.state is ApprovalState.WITHDRAWN


async def test_nobody_in_time(world: Any) -> None:
    request = await under_review(world, UPDATE)
    denied = await world.said.first(CommandDenied, request.envelope.command, seconds=15)
    assert denied.state is ApprovalState.TIMED_OUT
    assert denied.envelope.time >= request.expires_at
    assert now() - request.expires_at < timedelta(seconds=5)


async def test_of_an_approval_and_a_rejection_the_first_in_the_log_counts(world: Any) -> None:
    request = await under_review(world)
    await world.api.publish(decided(request, DANA, at=now()))
    await world.api.publish_durably(decided(request, ERIN, Answer.REJECT, at=now()))
    await world.said.first(CommandAllowed, request.envelope.command)
    marker = await under_review(world)  # whatever followed has been said by now
    await world.api.publish_durably(decided(marker, DANA, at=now()))
    await world.said.first(CommandAllowed, marker.envelope.command)
    assert world.said.of(CommandDenied, request.envelope.command) == []


async def test_a_command_past_its_deadline_is_not_answered(world: Any) -> None:
    late = await ask(world, READ, patience=timedelta(seconds=-1), session="one session")
    marker = await ask(world, READ, session="one session")
    await world.said.first(CommandAllowed, marker.envelope.command)
    assert world.said.of(CommandAllowed, late.envelope.command) == []


async def test_two_thousand_at_once(world: Any) -> None:
    requests = [requested(DELETE, at=now(), patience=timedelta(minutes=2)) for _ in range(2000)]
    for request in requests:
        await world.ingress.publish(request)
    wanted = {request.envelope.command for request in requests}

    def all_pending() -> bool:
        return wanted <= {event.envelope.command for event in world.said.of(ApprovalPending)}

    await eventually(all_pending, seconds=90, every=0.5, what="2000 pending approvals")
    chosen = next(event for event in world.said.of(ApprovalRequested) if event.envelope.command in wanted)
    await world.api.publish_durably(decided(chosen, DANA, at=now()))
    await world.said.first(CommandAllowed, chosen.envelope.command)


async def test_the_policy_in_force_is_on_record(world: Any) -> None:
    published = await world.ingress.consume_since(POLICIES, now() - timedelta(hours=1))
    async for batch in published.batches():
        versions = {
            item.event.policy_version
            for item in batch
            if isinstance(item, Received) and isinstance(item.event, PolicyPublished)
        }
        if versions:
            break
    await published.close()
    allowed = await world.said.first(CommandAllowed, (await ask(world)).envelope.command)
    assert allowed.policy_version in versions


async def test_the_worker_says_that_it_lives(world: Any, worker: Worker) -> None:
    subscription = await world.ingress.consume(HEARTBEATS)
    async for batch in subscription.batches():
        alive = [
            item.event
            for item in batch
            if isinstance(item, Received) and isinstance(item.event, NodeHeartbeat)
        ]
        if alive:
            break
    await subscription.close()
    assert (alive[0].role, alive[0].status) == (Role.PROCESSORS, "ready")
