"""ClickHouse's HTTP interface as an ASGI application, over the engine in this process.

An answer in a format whose documents can be joined is sent block by block, and the client's reading holds
the engine back; so is the data of an INSERT. When a client leaves, its query is ended.
"""

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import structlog

from infra.clickhouse.body import Body, ClientLeft, Receive
from infra.clickhouse.callers import Caller, Callers, session_settings
from infra.clickhouse.embedded import Engine, EngineError, Session
from infra.clickhouse.exchange import Request, parse_request, with_form
from infra.clickhouse.formats import DEFAULT, format_of, header_of
from infra.clickhouse.reply import Reply, Send
from infra.clickhouse.statements import InsertHead, insert_head, refused_word

T = TypeVar("T")

_AT_ONCE = 4  # queries of auditors; more wait
_WAIT = 30.0  # seconds they wait
_LONGEST = 300.0  # seconds an auditor's request may take, a slow reader's too
_LONGEST_TEXT = 64 * 1024 * 1024  # bytes of a statement of our own roles
_LONGEST_QUESTION = 256 * 1024  # bytes of an auditor's statement
_LONGEST_FORM = 4 * 1024 * 1024  # bytes of a statement with its parameters
_WHOLE_ANSWER = 64 * 1024 * 1024  # bytes of an auditor's answer that cannot be sent in blocks

log = structlog.get_logger()


class Server:
    """The application. `close` it after the last request."""

    def __init__(self, engine: Engine, callers: Callers) -> None:
        self._engine = engine
        self._callers = callers
        self._threads = ThreadPoolExecutor(_AT_ONCE + 4, "clickhouse")
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._name = os.uname().nodename

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request = parse_request(scope["method"], scope["path"], scope["query_string"], scope["headers"])
        reply = Reply(send, request, self._name, self._engine.version, self._engine.time_zone)
        try:
            await self._answer(request, _address(scope), receive, reply)
        except ClientLeft:
            log.info("clickhouse_client_left", query=reply.query_id)
        except EngineError as error:
            await reply.error(error)
        except TimeoutError:
            await reply.error(EngineError(159, "TIMEOUT_EXCEEDED", "The request took too long"))

    def close(self) -> None:
        """Ends what still runs."""
        self._engine.kill("")
        self._threads.shutdown(wait=True)

    async def _answer(self, request: Request, address: str, receive: Receive, reply: Reply) -> None:
        if request.path in ("/ping", "/replicas_status") or _is_greeting(request):
            await reply.text("Ok.\n")
        elif request.path != "/":
            await reply.text(f"There is no handle {request.path}\n\nUse / or /ping.\n", 404)
        else:
            caller = await self._callers.sign_in(request.user, request.password, address)
            body = Body(receive, request.content_encoding)
            if request.form:
                request = await _opened(request, body)
            settings = session_settings(caller, request.settings)
            serve = self._auditor if caller.is_auditor else self._ours
            await serve(caller, request, body, reply, settings)

    async def _auditor(
        self, caller: Caller, request: Request, body: Body, reply: Reply, settings: dict[str, str]
    ) -> None:
        async with asyncio.timeout(_LONGEST), self._turn():
            text = await _text(request, body, b"", _LONGEST_QUESTION)
            canonical = await self._run(self._examine, caller, text)
            await self._select(request, body, reply, settings, text, canonical)

    async def _ours(
        self, caller: Caller, request: Request, body: Body, reply: Reply, settings: dict[str, str]
    ) -> None:
        """A statement of the gateway's own roles; by GET it reads only, as ClickHouse has it."""
        start, head = await _beginning(request, body)
        if head is not None and request.method != "GET":
            await self._insert(request, start[head.data_at :], head, body, reply, settings)
            return
        text = await _text(request, body, start, _LONGEST_TEXT)
        canonical = await self._run(self._canonical, text)
        if request.method == "GET" or canonical.startswith(("SELECT", "WITH")):
            await self._select(request, body, reply, settings, text, canonical)
            return
        output = request.default_format or DEFAULT
        with await self._session(request, settings, read_only=False) as session:
            answer = await self._run(session.query, text, output, request.parameters)
        await reply.begin(format_of(canonical, output), answer.took)
        await reply.write(answer.data)
        await reply.end()

    async def _insert(
        self,
        request: Request,
        first: bytes,
        head: InsertHead,
        body: Body,
        reply: Reply,
        settings: dict[str, str],
    ) -> None:
        with await self._session(request, settings, read_only=False) as session:
            insert = await self._run(session.insert, head.statement, head.format)
            try:
                if first:
                    await self._run(insert.append, first)
                async for piece in body.pieces():
                    await self._run(insert.append, piece)
            except ClientLeft:
                await self._run(insert.cancel)
                raise
            rows, size = await self._run(insert.finish)
        await reply.begin(head.format, {"written_rows": rows, "written_bytes": size})
        await reply.end()

    async def _select(
        self,
        request: Request,
        body: Body,
        reply: Reply,
        settings: dict[str, str],
        text: str,
        canonical: str,
    ) -> None:
        """A statement that only reads, in a session that can only read."""
        default = request.default_format or DEFAULT
        output = format_of(canonical, default)
        header = header_of(output)
        in_blocks = (
            header is not None
            and canonical.startswith(("SELECT", "WITH"))
            and " WITH TOTALS" not in canonical
            and settings.get("extremes", "0") == "0"
        )
        chosen = {"log_comment": str(uuid.uuid4()), **settings}
        if not in_blocks:
            chosen.setdefault("max_result_bytes", str(_WHOLE_ANSWER))
        async with self._ended_with_client(body, chosen["log_comment"]):
            with await self._session(request, chosen, read_only=True) as session:
                if header is None or not in_blocks:
                    answer = await self._read(session.query, text, default, request.parameters)
                    await reply.begin(output, answer.took)
                    await reply.write(answer.data)
                else:
                    blocks = session.stream(text, default, request.parameters)
                    # Two blocks before the first byte: an error there has a status, and an answer of one
                    # block has its number of rows in the headers, which some clients count on.
                    block = await self._read(next, blocks, None)
                    following = await self._read(next, blocks, None)
                    await reply.begin(output, {"result_rows": block.rows} if following is None else {})
                    await reply.write(block.data)
                    while following is not None:
                        await reply.write(following.data[header(following.data) :])
                        following = await self._read(next, blocks, None)
                await reply.end()

    @contextlib.asynccontextmanager
    async def _ended_with_client(self, body: Body, comment: str) -> AsyncIterator[None]:
        """Ends the query that has this comment when the client leaves. Raises ClientLeft then."""
        has_left = False

        async def watch() -> None:
            nonlocal has_left
            await body.until_left()
            has_left = True
            await self._run(self._engine.kill, comment)

        watching = asyncio.create_task(watch())
        try:
            yield
        except EngineError:
            if has_left:
                raise ClientLeft from None
            raise
        finally:
            watching.cancel()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_WAIT):
                await self._turns.acquire()
        except TimeoutError:
            raise EngineError(
                202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many simultaneous queries. Maximum: {_AT_ONCE}"
            ) from None
        try:
            yield
        finally:
            self._turns.release()

    async def _session(self, request: Request, settings: dict[str, str], *, read_only: bool) -> Session:
        chosen = {**settings, "database": request.database} if request.database else settings
        return await self._run(partial(self._engine.session, chosen, read_only=read_only))

    async def _read(self, work: Callable[..., T], *arguments: Any) -> T:
        """What the engine answers to a query. A query that is ended late in its way gives what it has got so
        far, as if that were all. Raises EngineError then."""
        answer = await self._run(work, *arguments)
        if self._engine.is_ending:
            raise EngineError(394, "QUERY_WAS_CANCELLED", "The query was ended: the server is stopping.")
        return answer

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        """The engine's work in a thread. Returns when it is done, also when cancelled: a session must not
        be closed under it."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def _canonical(self, text: str) -> str:
        with self._engine.session({}, read_only=True) as session:
            return session.canonical(text)

    def _examine(self, caller: Caller, text: str) -> str:
        """The canonical form of what an auditor may ask. Raises EngineError for everything else."""
        with self._engine.session({}, read_only=True) as session:
            canonical = session.canonical(text)
            if not session.kind(text).only_reads:
                raise EngineError(
                    164,
                    "READONLY",
                    f"{caller.name}: Cannot execute query in readonly mode: auditors only read",
                )
        word = refused_word(canonical)
        if word is not None:
            raise EngineError(
                497,
                "ACCESS_DENIED",
                f"{caller.name}: Not enough privileges: `{word}` is not for auditors to use",
            )
        return canonical


def _address(scope: MutableMapping[str, Any]) -> str:
    """Where the client is, without its port."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_greeting(request: Request) -> bool:
    return request.path == "/" and request.method in ("GET", "HEAD") and not request.query


async def _opened(request: Request, body: Body) -> Request:
    """The request with its form. Raises EngineError when it cannot be read or is too long."""
    form = bytearray()
    async for piece in body.pieces():
        form += piece
        if len(form) > _LONGEST_FORM:
            raise EngineError(223, "QUERY_IS_TOO_LARGE", f"The form is longer than {_LONGEST_FORM} bytes")
    try:
        return with_form(request, bytes(form))
    except ValueError as error:
        raise EngineError(48, "NOT_IMPLEMENTED", f"This form cannot be read: {error}") from error


async def _beginning(request: Request, body: Body) -> tuple[bytes, InsertHead | None]:
    """As much of the text as it takes to know whether it is an INSERT with data, and that."""
    start = f"{request.query}\n".encode() if request.query else b""
    head = insert_head(start.decode("latin-1"))
    async for piece in body.pieces():
        start += piece
        if head is None:
            # Positions in the text are positions in the bytes; names are decoded again below.
            head = insert_head(start[:_LONGEST_QUESTION].decode("latin-1"))
        if head is not None or len(start) > _LONGEST_QUESTION:
            break
    if head is None:
        return start, None
    return start, InsertHead(head.statement.encode("latin-1").decode(), head.format, head.data_at)


async def _text(request: Request, body: Body, start: bytes, most: int) -> str:
    """The whole statement: the URL's, then the body's. Raises EngineError when it is longer than `most`."""
    whole = bytearray(start or (f"{request.query}\n".encode() if request.query else b""))
    async for piece in body.pieces():
        whole += piece
        if len(whole) > most:
            raise EngineError(223, "QUERY_IS_TOO_LARGE", f"The query is longer than {most} bytes")
    try:
        return whole.decode()
    except UnicodeDecodeError as error:
        raise EngineError(62, "SYNTAX_ERROR", "Syntax error: the query is not UTF-8") from error
