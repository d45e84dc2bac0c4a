"""Rules that are published while real workers run: all take them over, and keep them after a restart."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.builders import POLICIES
from support.commands import DELETE, READ, requested
from support.processes import stop
from support.processors_role import Listener, write_processors
from support.reviews import DANA, ERIN
from support.signing import stranger
from support.wait import eventually

from infra.clock import now
from infra.kafka.embedded import EmbeddedKafka
from processors.approvals.reconsidering import CHANGED
from processors.policy.publishing import digest_of
from schemas.codec import encode
from schemas.envelope import envelope
from schemas.events import (
    ApprovalPending,
    CommandAllowed,
    CommandDenied,
    PolicyProposed,
    PolicyPublished,
    PolicyReviewed,
    PolicySettled,
)
from schemas.ids import uuid7
from schemas.topics import POLICIES as PUBLISHED
from schemas.topics import PROPOSALS as TOPIC
from schemas.vocabulary import Answer, Principal, ProposalState, Role

FROZEN = """\
policies:
- {name: nothing changes now, when: {intents: [write, bulk_write]}, verdict: deny, message: "Freeze."}
- {name: reads, when: {intents: [read]}, verdict: allow}
"""
LOOSE = "policies:\n- {name: everything, when: {}, verdict: allow}\n"


@pytest.fixture(scope="module")
def config(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_processors(
        tmp_path_factory.mktemp("publishing"),
        kafka.bootstrap,
        POLICIES,
        {"policies": {"published_by": ["reviewers"]}},
    )


@pytest_asyncio.fixture
async def published(world: Any) -> AsyncIterator[Listener]:
    """What is said of rules, as far as this gateway's keys believe it."""
    heard = [Listener(await world.api.consume(topic)) for topic in (TOPIC, PUBLISHED)]
    heard[1].received = heard[0].received
    tasks = [asyncio.create_task(listener.run()) for listener in heard]
    yield heard[0]
    for listener, task in zip(heard, tasks, strict=True):
        task.cancel()
        await listener.subscription.close()


def proposal(text: str, base: str = "", author: Principal = DANA) -> PolicyProposed:
    return PolicyProposed(
        envelope=envelope(now(), "api@test#1"),
        bundle="main",
        proposal=uuid7(now()),
        author=author,
        text=text,
        digest=digest_of(text),
        base=base,
        diff="",
        comment="",
    )


def answer(asked: PolicyProposed, by: Principal = ERIN, digest: str = "") -> PolicyReviewed:
    return PolicyReviewed(
        envelope=envelope(now(), "api@test#1"),
        bundle="main",
        proposal=asked.proposal,
        reviewer=by,
        answer=Answer.APPROVE,
        digest=digest or asked.digest,
        comment="",
    )


async def test_all_workers_decide_by_what_two_persons_published_and_still_do_after_a_restart(
    world: Any, workers: Any, intruder: Any, published: Listener
) -> None:
    first = await workers("first")
    second = await workers("second")
    waits = requested(DELETE, at=now())
    await world.ingress.publish_durably(waits)
    await world.said.first(ApprovalPending, waits.envelope.command)

    loose, frozen = proposal(LOOSE), proposal(FROZEN)
    await world.api.publish_durably(loose)
    await world.api.publish_durably(frozen)
    for nobody in (
        answer(loose, DANA),  # her own
        answer(loose, ERIN, frozen.digest),  # she was shown others
        answer(loose, Principal("audrey", ERIN.kind, ("compliance",))),
    ):
        await world.api.publish_durably(nobody)
    forged = PolicySettled(
        envelope=envelope(now(), "processors@test#1"),
        bundle="main",
        proposal=loose.proposal,
        state=ProposalState.PUBLISHED,
        digest=loose.digest,
        base="",
        decided_by=("erin",),
        comment="",
    )
    raw = encode(forged, stranger(Role.PROCESSORS))
    await intruder.send_and_wait(TOPIC.name, raw, key=TOPIC.key(forged).encode(), partition=0)
    await world.api.publish_durably(answer(frozen))

    def taken_over() -> list[PolicyPublished]:
        found = [event for event in published.of(PolicyPublished) if event.proposal == frozen.proposal]
        return found if len({event.envelope.node for event in found}) == 2 else []

    both = await eventually(taken_over, seconds=60, what="both workers to decide by the new rules")
    (version,) = {event.policy_version for event in both}
    assert {event.proposal for event in published.of(PolicySettled)} == {frozen.proposal}

    ended = await world.said.first(CommandDenied, waits.envelope.command, seconds=60)
    assert CHANGED in ended.message

    async def denied(count: int) -> None:
        for _ in range(count):
            request = requested(DELETE, at=now(), session=uuid7(now()))
            await world.ingress.publish_durably(request)
            verdict = await world.said.first(CommandDenied, request.envelope.command, seconds=60)
            assert (verdict.rule, verdict.policy_version) == ("nothing changes now", version)
            assert world.said.of(CommandAllowed, request.envelope.command) == []

    await denied(8)  # on the partitions of either
    for worker in (first, second):
        stop(worker.process, by=signal.SIGKILL)
    await workers("third")
    await denied(1)
    request = requested(READ, at=now())
    await world.ingress.publish_durably(request)
    allowed = await world.said.first(CommandAllowed, request.envelope.command, seconds=60)
    assert allowed.policy_version == version
