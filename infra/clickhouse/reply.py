"""The answer to one request: headers, the body as it comes, and errors before and in the middle of it."""

import secrets
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

import structlog

from infra.clickhouse import exchange
from infra.clickhouse.compression import Blocks, Identity, encoder, encoding_for
from infra.clickhouse.embedded import EngineError
from infra.clickhouse.exchange import Request
from infra.clickhouse.formats import content_type

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PIECE = 256 * 1024  # bytes given to the network at once

log = structlog.get_logger()


class Reply:
    """The answer to one request."""

    def __init__(self, send: Send, request: Request, host: str, version: str, time_zone: str) -> None:
        self.query_id = request.query_id or str(uuid.uuid4())
        self._send = send
        self._request = request
        self._version = version
        self._tag = secrets.token_hex(8)
        self._headers: exchange.Headers = [
            (b"x-clickhouse-server-display-name", host.encode()),
            (b"x-clickhouse-query-id", self.query_id.encode("latin-1", "replace")),
            (b"x-clickhouse-timezone", time_zone.encode()),
        ]
        self._encoding = encoding_for(request.accept_encoding)
        self._encoder = Blocks() if request.blocks_compressed else encoder(self._encoding)
        self._has_begun = False

    async def begin(self, output: str, took: dict[str, int]) -> None:
        """Sends the headers of a success in this format."""
        headers = [
            (b"x-clickhouse-format", output.encode()),
            (b"x-clickhouse-summary", exchange.summary(**took)),
            (b"x-clickhouse-exception-tag", self._tag.encode()),
        ]
        if self._encoding:
            headers.append((b"content-encoding", self._encoding.encode()))
        await self._start(200, content_type(output), headers)

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            await self._body(self._encoder.compress(data[start : start + _PIECE]))

    async def end(self) -> None:
        await self._body(self._encoder.flush(), more=False)

    async def text(self, text: str, status: int = 200) -> None:
        await self._start(status, "text/plain; charset=UTF-8", [])
        await self._body(text.encode(), more=False)

    async def error(self, error: EngineError) -> None:
        """The error with its status; when the answer has begun, as a last block (ClickHouse 25.11), after
        which the connection is cut so that nobody takes the answer for whole."""
        log.info("clickhouse_error", query=self.query_id, code=error.code, name=error.name)
        text = exchange.error_text(error.code, error.name, str(error), self._version)
        if self._has_begun:
            block = f"\r\n__exception__\r\n{self._tag}\r\n{text}{len(text)} {self._tag}\r\n__exception__\r\n"
            await self._body(self._encoder.compress(block.encode()) + self._encoder.flush())
            return  # without an end of the body
        self._encoder = Identity()
        headers = [(b"x-clickhouse-exception-code", str(error.code).encode())]
        status = exchange.status_of(error.code)
        if error.code == exchange.AUTHENTICATION_FAILED and not self._request.has_credentials:
            status = HTTPStatus.UNAUTHORIZED  # so that a browser asks for them
            headers.append((b"www-authenticate", b'Basic realm="ClickHouse server HTTP API"'))
        await self._start(status, "text/plain; charset=UTF-8", headers)
        await self._body(text.encode(), more=False)

    async def _start(self, status: int, kind: str, headers: exchange.Headers) -> None:
        self._has_begun = True
        all_headers = [(b"content-type", kind.encode()), *self._headers, *headers]
        await self._send({"type": "http.response.start", "status": int(status), "headers": all_headers})

    async def _body(self, data: bytes, *, more: bool = True) -> None:
        if data or not more:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})
