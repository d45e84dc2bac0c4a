"""Requests to targets of every kind, by real sockets: what is an answer, and which connections are kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ingress.errors import TargetError
from ingress.web.client_side import Fields
from ingress.web.exchange import Exchange
from ingress.web.target_connection import Target

HOST = [(b"host", b"x")]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[Target]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = Target(f"http://127.0.0.1:{port}", None, None, Path())
    try:
        yield target
    finally:
        target.close()
        server.close()


async def ask(target: Target, *, fresh: bool = False) -> tuple[int, bytes, Fields]:
    async with Exchange(target, await target.connect(fresh=fresh)) as exchange:
        await exchange.send("GET", "/", HOST, None, None)
        head = await exchange.head()
        body = b"".join([piece async for piece in exchange.body()])
        return head.status, body, exchange.trailers


def answering(*answers: bytes) -> tuple[Serve, list[int]]:
    """A server that gives these answers, one a request; how many requests each connection had."""
    left = list(answers)
    counts: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(counts)
        counts.append(0)
        while left:
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            counts[number] += 1
            writer.write(left.pop(0))
            await writer.drain()

    return serve, counts


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_a_connection_is_used_again() -> None:
    serve, counts = answering(GOOD, GOOD, GOOD)
    async with served(serve) as target:
        for _ in range(2):
            assert (await ask(target))[:2] == (200, b"ok")
        assert counts == [2]
        await ask(target, fresh=True)
        assert counts == [2, 1]


async def test_trailers_and_what_comes_before_an_answer() -> None:
    answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n"
    )
    serve, _ = answering(answer)
    async with served(serve) as target:
        assert await ask(target) == (200, b"ok", [(b"x-sum", b"7")])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(GOOD + GOOD, id="an answer nobody asked for"),
        pytest.param(GOOD + b"x", id="a byte too many"),
        pytest.param(GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), id="it wants to close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", id="HTTP/1.0"),
    ],
)
async def test_no_answer_is_taken_for_anothers(answer: bytes) -> None:
    serve, counts = answering(answer, GOOD)
    async with served(serve) as target:
        assert (await ask(target))[:2] == (200, b"ok")
        assert (await ask(target))[:2] == (200, b"ok")
        assert counts == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", id="cut off"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", id="no last chunk"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-x\r\n\r\n", id="another protocol"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", id="two lengths"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", id="a NUL in its head"),
    ],
)
async def test_what_is_no_answer(answer: bytes) -> None:
    serve, _ = answering(answer)
    async with served(serve) as target:
        with pytest.raises(TargetError):
            await ask(target)


async def test_a_body_is_sent_while_the_answer_is_awaited() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen = await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(seen), seen))
        await writer.drain()

    pieces: list[bytes | Fields] = [b"two", b"three", [(b"authorization", b"mine")]]

    async def rest() -> bytes | Fields:
        return pieces.pop(0)

    async with served(serve) as target, Exchange(target, await target.connect(fresh=True)) as exchange:
        await exchange.send("POST", "/", [*HOST, (b"transfer-encoding", b"chunked")], b"one", rest)
        assert (await exchange.head()).status == 200
        body = b"".join([piece async for piece in exchange.body()])
    assert body == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n", "trailers were not judged"


async def test_half_a_body_does_not_look_like_a_whole_one() -> None:
    ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ended.set_result(await reader.read(-1))
        except ConnectionError:
            ended.set_result(b"reset")

    async def rest() -> bytes | Fields:
        raise ConnectionResetError("the client left")

    async with served(serve) as target:
        async with Exchange(target, await target.connect(fresh=True)) as exchange:
            await exchange.send("POST", "/", [*HOST, (b"transfer-encoding", b"chunked")], b"one", rest)
            with pytest.raises(TargetError):
                await exchange.head()
        assert not (await ended).endswith(b"0\r\n\r\n")
