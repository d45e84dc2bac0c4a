"""A coroutine's question: answered once, withdrawn with its asker, refused at the last moment."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from ingress.command import Command, Spoken, make_command
from ingress.gate import Allowed, Refusal, Revoked, Waiting
from ingress.inquiry import Inquiry, Refused
from ingress.interface import Abandon, Close, Finish, Frame, Record, Request, Submit
from ingress.session import Session
from schemas.vocabulary import Facts, Intent, Obligations, Outcome, Stage

ALLOWED = Allowed(Obligations(), "", (), "")
REFUSAL = Refusal("not today", "Ask tomorrow.")
WAITING = Waiting("a1", "rule", ("dba",), datetime(2026, 1, 1, tzinfo=UTC))


def a_command(id: str = "c1") -> Command:
    spoken = Spoken("ls", ())
    return make_command(
        id=id,
        stage=Stage.EXECUTE,
        principal="agent-7",
        resource="web-1",
        said=spoken,
        bound=(),
        shown=spoken,
        context=(),
        facts=Facts(intents=(Intent.READ,)),
    )


class World:
    """What stands in for the session: it notes what it is asked for."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.inquiry = Inquiry(self.ends.append)
        self.requests: list[Request] = []
        self.last_word: tuple[str, Refusal] | None = None
        self.inquiry.begin(cast(Session, self))

    def open(self, conversation: Inquiry) -> None:
        assert conversation is self.inquiry

    def work(self) -> None:
        self.requests += self.inquiry.requests()

    def release(self, commands: Sequence[str]) -> tuple[str, Refusal] | None:
        return self.last_word

    async def asked(self, command: Command, told: list[Waiting] | None = None) -> "asyncio.Task[Allowed]":
        task = asyncio.create_task(self.inquiry.ask(command, (told if told is not None else []).append))
        await asyncio.sleep(0)
        return task


async def test_it_waits_until_the_command_may_run() -> None:
    world, told, command = World(), list[Waiting](), a_command()
    task = await world.asked(command, told)
    assert world.requests == [Submit(command)]
    world.inquiry.waiting(command.id, WAITING)
    assert told == [WAITING]
    assert not task.done()
    world.inquiry.allowed(command.id, ALLOWED)
    assert await task is ALLOWED


async def test_a_refusal_says_why() -> None:
    world, command = World(), a_command()
    task = await world.asked(command)
    world.inquiry.refused(command.id, REFUSAL)
    with pytest.raises(Refused, match="not today") as raised:
        await task
    assert raised.value.refusal is REFUSAL


async def test_who_stops_asking_withdraws() -> None:
    world, command = World(), a_command()
    task = await world.asked(command)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.requests == [Submit(command), Abandon(command.id, "the client left")]


async def test_a_verdict_nobody_waits_for_runs_nothing() -> None:
    world, command = World(), a_command()
    world.inquiry.allowed(command.id, ALLOWED)
    world.work()
    assert world.requests == [Abandon(command.id, "the client left")]
    world.inquiry.refused(command.id, REFUSAL)
    world.inquiry.waiting(command.id, WAITING)


async def test_questions_side_by_side_do_not_mix() -> None:
    world = World()
    first, second = await world.asked(a_command("c1")), await world.asked(a_command("c2"))
    world.inquiry.refused("c2", REFUSAL)
    world.inquiry.allowed("c1", ALLOWED)
    assert await first is ALLOWED
    with pytest.raises(Refused):
        await second


async def test_the_last_word_can_refuse() -> None:
    world, command = World(), a_command()
    world.inquiry.release(command.id)
    world.last_word = (command.id, REFUSAL)
    with pytest.raises(Refused, match="not today"):
        world.inquiry.release(command.id)


async def test_what_ended_and_what_was_said_is_handed_on_in_order() -> None:
    world, command = World(), a_command()
    finish = Finish(command.id, Outcome.SUCCEEDED, 0, 3, "0", "", ())
    world.inquiry.record(Frame.COMMAND, b"ls")
    world.inquiry.finish(finish)
    world.inquiry.abandon("c2", "not sent")
    world.inquiry.close("the client left")
    assert world.requests == [
        Record(Frame.COMMAND, b"ls"),
        finish,
        Abandon("c2", "not sent"),
        Close("the client left"),
    ]


async def test_closing_withdraws_what_is_still_asked_and_ends_once() -> None:
    world, command = World(), a_command()
    task = await world.asked(command)
    world.inquiry.end("the gateway is stopping")
    world.inquiry.end("again")
    assert world.ends == ["the gateway is stopping"]
    world.inquiry.close("the gateway is stopping")
    assert world.requests[1:] == [
        Abandon(command.id, "the gateway is stopping"),
        Close("the gateway is stopping"),
    ]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_revoked_ends_its_session_once() -> None:
    world = World()
    for _ in range(2):
        world.inquiry.revoked("c1", Revoked("a1", "dana", "wrong host"))
    assert world.ends == ['the session is over: dana revoked approval a1: "wrong host"']


async def test_who_waits_is_reminded_where_its_protocol_can() -> None:
    world, told, reminded, command = World(), list[Waiting](), list[Waiting](), a_command()
    task = asyncio.create_task(world.inquiry.ask(command, told.append, reminded.append))
    await asyncio.sleep(0)
    world.inquiry.waiting(command.id, WAITING)
    world.inquiry.still_waits(command.id, WAITING)
    assert (told, reminded) == ([WAITING], [WAITING])
    world.inquiry.allowed(command.id, ALLOWED)
    assert await task is ALLOWED
    silent = await world.asked(a_command("c2"))
    world.inquiry.still_waits("c2", WAITING)
    world.inquiry.still_waits(command.id, WAITING)
    assert reminded == [WAITING]
    silent.cancel()
