"""A worker is killed or stopped and another goes on: nothing is lost, nothing is decided twice."""

import asyncio
import hashlib
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.commands import DELETE, READ, requested
from support.processes import stop
from support.processors_role import FORGETFUL, launch
from support.reviews import DANA, decided
from support.signing import stranger
from support.wait import eventually

from infra.clock import now
from infra.kafka.bus import partition_of
from infra.keys import signer
from processors.app import CHANGELOG
from processors.approvals.record import Approval, Vote
from processors.desk import APPROVAL_RECORD
from schemas.events import (
    ApprovalPending,
    ApprovalRequested,
    ApprovalSettled,
    CommandAllowed,
    CommandDenied,
    CommandRequested,
)
from schemas.ids import uuid7
from schemas.signature import Signer
from schemas.vocabulary import ApprovalState, Facts, Intent, Role

PATIENCE = timedelta(minutes=2)
INSERT = Facts((Intent.WRITE,), ("insert",), ("public.orders",))
UPDATE = Facts((Intent.WRITE,), ("update",), ("public.orders",))


async def under_review(world: Any, facts: Facts) -> ApprovalRequested:
    request = requested(facts, at=now())
    await world.ingress.publish_durably(request)
    await world.said.first(ApprovalPending, request.envelope.command)
    found: ApprovalRequested = await world.said.first(ApprovalRequested, request.envelope.command)
    return found


async def test_a_pending_approval_is_decided_after_restarts(world: Any, workers: Any) -> None:
    worker = await workers("first")
    for by in (signal.SIGKILL, signal.SIGTERM):
        request = await under_review(world, DELETE)
        # One more, so that the worker has had time to write the first one to its changelog.
        await under_review(world, DELETE)
        stop(worker.process, by=by)
        await world.api.publish_durably(decided(request, DANA, at=now()))
        assert world.said.of(CommandAllowed, request.envelope.command) == []
        worker = await workers(f"after-{by.name}")
        allowed = await world.said.first(CommandAllowed, request.envelope.command)
        assert (allowed.decided_by, allowed.digest) == (("dana",), request.digest)


async def test_an_approval_is_used_once_by_asking_again_though_workers_are_killed(
    world: Any, workers: Any
) -> None:
    digest = hashlib.sha256(uuid7(now()).encode()).hexdigest()

    async def ask() -> CommandRequested:
        request = requested(INSERT, at=now(), session=uuid7(now()), digest=digest, patience=PATIENCE)
        await world.ingress.publish_durably(request)
        return request

    async def verdict(request: CommandRequested) -> CommandAllowed | CommandDenied:
        command = request.envelope.command
        found: list[CommandAllowed | CommandDenied] = await eventually(
            lambda: [*world.said.of(CommandAllowed, command), *world.said.of(CommandDenied, command)],
            seconds=60,
            what="a verdict",
        )
        return found[0]

    first = await workers("first")
    command = (await ask()).envelope.command
    pending = await world.said.first(CommandDenied, command)
    assert pending.state is ApprovalState.PENDING
    asked = await world.said.first(ApprovalRequested, command)
    await world.api.publish_durably(decided(asked, DANA, at=now()))
    await world.said.first(ApprovalSettled, command)
    stop(first.process, by=signal.SIGKILL)
    again = [await ask() for _ in range(3)]
    second = await workers("second")
    told = [await verdict(request) for request in again]
    stop(second.process, by=signal.SIGKILL)
    await workers("third")

    async def is_used() -> bool:
        """Who asks before the approval's end has been read again is told that it is pending."""
        told.append(await verdict(await ask()))
        return any(isinstance(one, CommandAllowed) for one in told)

    await eventually(is_used, seconds=60, every=0.5, what="the approval used")
    told += [await verdict(await ask()) for _ in range(2)]
    (allowed,) = [one for one in told if isinstance(one, CommandAllowed)]
    assert (allowed.approval, allowed.decided_by) == (asked.approval, ("dana",))


async def test_what_came_due_and_what_was_asked_while_no_worker_was_there(world: Any, workers: Any) -> None:
    first = await workers("first")
    due = await under_review(world, UPDATE)
    stop(first.process, by=signal.SIGKILL)
    await eventually(lambda: now() > due.expires_at, what="the deadline")
    assert world.said.of(CommandDenied, due.envelope.command) == []
    asked = requested(READ, at=now(), patience=PATIENCE)
    await world.ingress.publish_durably(asked)
    await workers("second")
    denied = await world.said.first(CommandDenied, due.envelope.command)
    assert denied.state is ApprovalState.TIMED_OUT
    await world.said.first(CommandAllowed, asked.envelope.command)


async def test_every_command_has_one_verdict_while_workers_are_killed(
    world: Any, workers: Any, config: Path
) -> None:
    worker = await workers("first")
    requests, written = [], []
    for round_ in range(3):
        for number in range(200):
            request = requested(
                DELETE if number % 10 == 0 else READ, at=now(), patience=timedelta(minutes=10)
            )
            requests.append(request)
            written.append(await world.ingress.publish(request))
        stop(worker.process, by=signal.SIGKILL)
        worker = await workers(f"after {round_}")
    await asyncio.gather(*written)
    for request in requests:
        kind = ApprovalPending if request.facts is DELETE else CommandAllowed
        await world.said.first(kind, request.envelope.command, seconds=60)
        said = world.said.of(kind, request.envelope.command)
        assert len({event.envelope.id for event in said}) == 1
    reviewed = [request for request in requests if request.facts is DELETE]
    for request in reviewed:
        await world.said.first(ApprovalRequested, request.envelope.command)
        asked = world.said.of(ApprovalRequested, request.envelope.command)
        assert len({event.approval for event in asked}) == 1


async def test_two_workers_share_the_work_and_one_takes_over(world: Any, workers: Any, config: Path) -> None:
    one, two = await workers("one"), await workers("two")
    requests = [requested(READ, at=now()) for _ in range(100)]
    for request in requests:
        await world.ingress.publish(request)
    nodes = set()
    for request in requests:
        allowed = await world.said.first(CommandAllowed, request.envelope.command)
        nodes.add(allowed.envelope.node)
    assert len(nodes) == 2
    pending = [await under_review(world, DELETE) for _ in range(8)]
    stop(one.process, by=signal.SIGKILL)
    for approval in pending:
        await world.api.publish_durably(decided(approval, DANA, at=now()))
    for approval in pending:
        allowed = await world.said.first(CommandAllowed, approval.envelope.command, seconds=40)
        assert allowed.decided_by == ("dana",)
        settled = world.said.of(ApprovalSettled, approval.envelope.command)
        assert len({event.envelope.id for event in settled}) == 1
    assert two.process.poll() is None


async def test_what_faust_dropped_is_read_again(world: Any, workers: Any) -> None:
    """It drops messages when a rebalance comes at the wrong moment; the command's deadline is 15 s."""
    session = uuid7(now())
    requests = [requested(READ, at=now(), session=session) for _ in range(20)]
    for request in requests:
        await world.ingress.publish(request)
    worker = await workers("forgetful", before=FORGETFUL)
    for request in requests:
        await world.said.first(CommandAllowed, request.envelope.command)
        (_only,) = world.said.of(CommandAllowed, request.envelope.command)
    assert "read_again" in worker.log.read_text()


async def test_a_second_sigint_or_a_stop_before_it_is_ready_ends_it_too(config: Path) -> None:
    worker = launch(config, "hasty")

    def pressed_until_it_ended() -> bool:
        """Python can lose a SIGINT while it imports; who presses Ctrl-C presses it again."""
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGINT)
        return worker.process.poll() is not None

    try:
        await eventually(pressed_until_it_ended, seconds=30, every=1, what="its end")
    finally:
        stop(worker.process)


async def test_an_approval_forged_in_the_changelog_is_none_after_a_restart(
    world: Any, intruder: Any, workers: Any
) -> None:
    first = await workers("before")
    true, other = await under_review(world, DELETE), await under_review(world, DELETE)
    stop(first.process)
    forged = Approval(replace(true, reviewers=("agents",)), votes=(Vote(DANA, ""),))
    for signs in (stranger(Role.PROCESSORS), Signer(Role.PROCESSORS, signer(world.state, Role.API).key)):
        await intruder.send_and_wait(
            CHANGELOG.name,
            APPROVAL_RECORD.encode(forged, signs),
            key=true.approval.encode(),
            partition=partition_of(true.approval, CHANGELOG.partitions),
        )
    second = await workers("after")
    assert f'"approval": "{true.approval}", "reason": "not signed' in second.log.read_text()
    for approval in (true, other):
        await world.api.publish_durably(decided(approval, DANA, at=now()))
    await world.said.first(CommandAllowed, other.envelope.command)
    ignored = f'"approval": "{true.approval}", "reason": "there is no such approval'
    await eventually(lambda: ignored in second.log.read_text(), what="the decision")
    assert world.said.of(CommandAllowed, true.envelope.command) == []
