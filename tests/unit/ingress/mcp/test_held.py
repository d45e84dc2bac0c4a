"""Calls that wait, and who waits for them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingress.gate import Waiting
from ingress.mcp.held import Follower, HeldCall, HeldCalls, Key, Relay
from ingress.mcp.messages import Request, make_result
from ingress.web.sinks import StoredAnswer
from schemas.vocabulary import Principal, PrincipalKind

AGENT = Principal("agent-7", PrincipalKind.AGENT)
KEY: Key = (AGENT, "shop", "digest")
WAITING = Waiting("approval", "rule", ("dba",), datetime(2026, 1, 1, tzinfo=UTC))


def held(relay: Relay, work: Any) -> HeldCall:
    relay.keep()
    return HeldCall(WAITING, relay, asyncio.create_task(work), "sent")


def follower(sink: StoredAnswer, *, streams: bool = True, **meta: Any) -> Follower:
    request = Request("mine", "tools/call", {"name": "x", **({"_meta": meta} if meta else {})})
    return Follower(request, sink, b'{"pending":true}', "held", streams)


async def _forever() -> bool:
    await asyncio.Event().wait()
    return False


async def test_its_answer_has_the_id_of_whoever_asks() -> None:
    relay, sink = Relay(StoredAnswer(1), "s"), StoredAnswer(10_000)
    calls = HeldCalls()
    call = held(relay, _forever())
    calls.add(KEY, call)
    following = asyncio.create_task(follower(sink, streams=False).follow(call, 60))
    relay.add(make_result("first", {"a": 1}))
    assert await following
    assert json.loads(sink.body) == {"jsonrpc": "2.0", "id": "mine", "result": {"a": 1}}
    await calls.stop()


async def test_a_client_whose_time_is_up_is_told_that_it_is_pending() -> None:
    relay, sink = Relay(StoredAnswer(1), "s"), StoredAnswer(10_000)
    call = held(relay, _forever())
    assert not await follower(sink, progressToken="t").follow(call, 0)
    assert bytes(sink.body) == b'data: {"pending":true}\n\n'
    assert not call.task.done()
    call.task.cancel()


async def test_signs_of_life() -> None:
    relay, sink, plain = Relay(StoredAnswer(1), "s"), StoredAnswer(10_000), StoredAnswer(10_000)
    call = held(relay, _forever())
    following = [
        asyncio.create_task(follower(sink, progressToken="t").follow(call, 60)),
        asyncio.create_task(follower(plain).follow(call, 60)),
    ]
    await asyncio.sleep(0)
    relay.add(make_result("first", {}))
    await asyncio.gather(*following)
    assert b'"progressToken":"t","progress":0,"message":"held"' in sink.body
    assert plain.body.startswith(b": held\n\n")
    call.task.cancel()


async def test_it_runs_once_somebody_waits_in_their_session() -> None:
    relay = Relay(StoredAnswer(1), "first")
    assert await relay.wanted() == "first"
    relay.leave("first")
    wanted = asyncio.create_task(relay.wanted())
    await asyncio.sleep(0)
    assert not wanted.done()
    relay.join("second")
    assert await wanted == "second"


async def test_what_has_no_answer_says_so() -> None:
    async def cut_off() -> bool:
        return True

    relay, sink, calls = Relay(StoredAnswer(1), "s"), StoredAnswer(10_000), HeldCalls()
    call = held(relay, cut_off())
    calls.add(KEY, call)
    assert await follower(sink).follow(call, 60)
    assert b"no answer" in sink.body


@pytest.mark.parametrize("asked", [("s", 2), ("t", 1), ("s", "1")])
async def test_only_who_asked_withdraws(asked: tuple[str, Any]) -> None:
    relay, calls = Relay(StoredAnswer(1), "s"), HeldCalls()
    call = held(relay, _forever())
    calls.add(KEY, call)
    call.asked.add(("s", 1))
    assert not calls.withdraw((AGENT, "shop", *asked))
    assert calls.withdraw((AGENT, "shop", "s", 1))
    assert calls.find(KEY) is None
    await asyncio.gather(call.task, return_exceptions=True)
    assert call.task.cancelled()


async def test_what_was_sent_is_not_withdrawn() -> None:
    relay, calls = Relay(StoredAnswer(1), "s"), HeldCalls()
    call = held(relay, _forever())
    calls.add(KEY, call)
    call.asked.add(("s", 1))
    await relay.wanted()
    assert not calls.withdraw((AGENT, "shop", "s", 1))
    await calls.stop()


async def test_the_answer_as_it_comes() -> None:
    relay = Relay(StoredAnswer(1), "s")
    relay.keep()
    await relay.head(200, [(b"content-type", b"text/event-stream")])
    await relay.data(b'data: {"method":"x"}\n\ndata: {"id":1,')
    await relay.data(b'"result":{}}\n\n')
    await relay.end([])
    assert relay.messages == [b'{"method":"x"}', b'{"id":1,"result":{}}']
    assert relay.is_answered
