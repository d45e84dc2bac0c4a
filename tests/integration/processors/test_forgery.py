"""Whoever can write to Kafka, or holds another role's key, decides nothing."""

from typing import Any

import pytest
from support.commands import DELETE, READ, requested
from support.reviews import DANA, decided, settled
from support.signing import stranger
from support.wait import eventually

from infra.clock import now
from infra.kafka.bus import partition_of
from infra.keys import signer
from schemas.codec import encode
from schemas.events import (
    ApprovalPending,
    ApprovalRequested,
    CommandAllowed,
    CommandDenied,
    EventRejected,
)
from schemas.signature import Signer
from schemas.topics import APPROVALS, COMMANDS, Topic
from schemas.vocabulary import Role

_TRAILER = 66  # the length and the bytes of a signature


def signed_by(event: Any, claimed: Role, signs: Signer) -> bytes:
    """The event as the role `claimed` would sign it, but signed by another."""
    body = encode(event, stranger(claimed))[:-_TRAILER]
    return body + b"\x80\x01" + signs.sign(body)


async def write(intruder: Any, topic: Topic, event: Any, raw: bytes) -> None:
    key = topic.key(event)
    await intruder.send_and_wait(
        topic.name, raw, key=key.encode(), partition=partition_of(key, topic.partitions)
    )


async def under_review(world: Any) -> ApprovalRequested:
    request = requested(DELETE, at=now())
    await world.ingress.publish_durably(request)
    await world.said.first(ApprovalPending, request.envelope.command)
    found: ApprovalRequested = await world.said.first(ApprovalRequested, request.envelope.command)
    return found


async def rejected(world: Any, raw: bytes) -> EventRejected:
    """The dead letter about these bytes."""

    def found() -> EventRejected | None:
        return next((event for event in world.said.of(EventRejected) if event.raw == raw), None)

    letter: EventRejected = await eventually(found, what="the dead letter")
    return letter


async def nothing_followed(world: Any, request: ApprovalRequested) -> None:
    """The approval still waits: only now is it decided, and by whom it should be."""
    assert world.said.of(CommandAllowed, request.envelope.command) == []
    assert world.said.of(CommandDenied, request.envelope.command) == []
    await world.api.publish_durably(decided(request, DANA, at=now(), comment="the real one"))
    allowed = await world.said.first(CommandAllowed, request.envelope.command)
    assert allowed.comment == "the real one"


@pytest.mark.usefixtures("worker")
class TestForged:
    @pytest.mark.parametrize("role", [Role.INGRESS, Role.PROCESSORS, Role.PROJECTIONS, None])
    async def test_a_decision(self, world: Any, intruder: Any, role: Role | None) -> None:
        request = await under_review(world)
        signs = stranger(Role.API) if role is None else signer(world.state, role)
        raw = signed_by(decided(request, DANA, at=now()), Role.API, signs)
        await write(intruder, APPROVALS, request, raw)
        letter = await rejected(world, raw)
        assert letter.topic == APPROVALS.name
        assert "not signed by a key of api" in letter.reason
        await nothing_followed(world, request)

    async def test_an_unsigned_decision(self, world: Any, intruder: Any) -> None:
        request = await under_review(world)
        raw = encode(decided(request, DANA, at=now()), stranger(Role.API))[:-_TRAILER] + b"\x00"
        await write(intruder, APPROVALS, request, raw)
        await rejected(world, raw)
        await nothing_followed(world, request)

    @pytest.mark.parametrize("role", [Role.INGRESS, Role.API])
    async def test_a_settlement(self, world: Any, intruder: Any, role: Role) -> None:
        request = await under_review(world)
        raw = signed_by(settled(request), Role.PROCESSORS, signer(world.state, role))
        await write(intruder, APPROVALS, request, raw)
        await rejected(world, raw)
        await nothing_followed(world, request)

    async def test_a_decision_for_another_command(self, world: Any, intruder: Any) -> None:
        """A true signature, over what the reviewer was shown: copied to another approval it is broken."""
        shown, other = await under_review(world), await under_review(world)
        decision = decided(shown, DANA, at=now())
        raw = encode(decision, signer(world.state, Role.API))
        moved = raw.replace(shown.approval.encode(), other.approval.encode())
        assert moved != raw
        await write(intruder, APPROVALS, other, moved)
        await rejected(world, moved)
        await nothing_followed(world, other)

    async def test_a_request(self, world: Any, intruder: Any) -> None:
        request = requested(READ, at=now())
        raw = encode(request, stranger(Role.INGRESS))
        await write(intruder, COMMANDS, request, raw)
        letter = await rejected(world, raw)
        assert letter.topic == COMMANDS.name
        assert world.said.of(CommandAllowed, request.envelope.command) == []

    @pytest.mark.parametrize("raw", [b"", b"garbage", b"\xc3\x01" + b"\x00" * 30])
    async def test_bytes_that_are_no_event(self, world: Any, intruder: Any, raw: bytes) -> None:
        marker = raw + (b"" if not raw else bytes(now().isoformat(), "ascii"))
        await intruder.send_and_wait(COMMANDS.name, marker, partition=1)
        await rejected(world, marker)

    async def test_a_request_copied_to_another_partition(self, world: Any, intruder: Any) -> None:
        request = requested(READ, at=now())
        raw = encode(request, signer(world.state, Role.INGRESS))
        partition = partition_of(COMMANDS.key(request), COMMANDS.partitions)
        await intruder.send_and_wait(COMMANDS.name, raw, partition=(partition + 1) % COMMANDS.partitions)
        assert "partition" in (await rejected(world, raw)).reason
        assert world.said.of(CommandAllowed, request.envelope.command) == []
