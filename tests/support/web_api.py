"""A real web API behind the gateway: FastAPI on uvicorn, in a process of its own.

`/_seen` says which requests reached it, and `/_reset` forgets them: tests ask it past the gateway.
"""

import asyncio
import base64
import csv
import gzip
import hashlib
import io
import json
import ssl
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import brotli
import fastapi
import httpx
import uvicorn
import zstandard
from fastapi import Request, Response, WebSocket
from fastapi.responses import RedirectResponse, StreamingResponse
from support.processes import free_port, start, stop, tail
from support.wait import block_until

PIN = "oak-7391"
"""Sensitive by its field alone: no detector knows it."""
CUSTOMERS: list[dict[str, Any]] = [
    {"id": 1, "name": "Jane Doe", "email": "jane@example.com", "card": "4111111111111111", "pin": PIN},
    {"id": 2, "name": "Omar Haddad", "email": "omar@example.com", "card": "4012888888881881", "pin": PIN},
]
NOTE = "call jane@example.com, card 4111111111111111"
RAW = ("jane@example.com", "4111111111111111", "omar@example.com", "4012888888881881", "jane%40example.com")
"""What must never leave through the gateway."""


@dataclass(frozen=True, slots=True)
class WebApi:
    """The running API."""

    origin: str
    log: Path
    client: httpx.Client

    def seen(self) -> list[dict[str, Any]]:
        """The requests that reached it, in order."""
        found: list[dict[str, Any]] = self.client.get("/_seen").json()
        return found

    def reset(self) -> None:
        self.client.post("/_reset")


@contextmanager
def running_web_api(folder: Path, *tls: str) -> Iterator[WebApi]:
    """The API on a free port. `tls`: certificate, key, and the CA of its clients, for one over https."""
    port, log = free_port(), folder / "web_api.log"
    process = start(
        [sys.executable, __file__, str(port), *tls], log, cwd=folder, env={"PYTHONPATH": str(TESTS)}
    )
    try:
        block_until(
            lambda: process.poll() is not None or "running on" in tail(log),
            seconds=30,
            what=f"the web API\n{tail(log)}",
        )
        assert process.poll() is None, tail(log)
        origin = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        with httpx.Client(base_url=origin, trust_env=False, verify=False) as client:  # it is ours
            yield WebApi(origin, log, client)
    finally:
        stop(process)


TESTS = Path(__file__).parents[1]


def tagged_body(id: int) -> bytes:
    """The answer of `/tagged/ID`."""
    return json.dumps(CUSTOMERS[id - 1]).encode()


def make_app() -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    seen: list[dict[str, Any]] = []
    tokens: list[str] = []
    orders: dict[int, Any] = {7: {"id": 7, "total": 10}}

    @app.middleware("http")
    async def remember(request: Request, call_next: Any) -> Any:
        if not request.url.path.startswith("/_"):
            seen.append(
                {
                    "method": request.method,
                    "path": request.scope["raw_path"].decode() if request.scope.get("raw_path") else "",
                    "query": request.scope["query_string"].decode(),
                    "headers": [
                        [name.decode(), value.decode("latin-1")] for name, value in request.headers.raw
                    ],
                }
            )
        return await call_next(request)

    @app.get("/_seen")
    async def tell() -> Any:
        return seen

    @app.post("/_reset")
    async def reset() -> None:
        seen.clear()

    @app.get("/v1/customers")
    async def customers() -> Any:
        return CUSTOMERS

    @app.get("/v1/customers/{id}")
    async def customer(id: int) -> Any:
        if not 0 < id <= len(CUSTOMERS):
            raise fastapi.HTTPException(404, f"no customer {id}, ask {CUSTOMERS[0]['email']}")
        return {"customer": CUSTOMERS[id - 1], "note": NOTE}

    @app.get("/tagged/{id}")
    async def tagged(id: int, request: Request) -> Any:
        """As servers do that make tags of their answers' bytes (RFC 9110, section 13)."""
        body = tagged_body(id)
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        if tag not in request.headers.get("if-match", tag):
            return Response(status_code=412)
        is_known = tag in request.headers.get("if-none-match", "")
        headers = {"etag": tag, "x-checksum-md5": tag, "x-amz-checksum-sha256": "abc"}
        return Response(b"" if is_known else body, 304 if is_known else 200, headers, "application/json")

    @app.post("/v1/orders", status_code=201)
    async def order(request: Request) -> Any:
        number = len(orders) + 7
        orders[number] = await request.json()
        return Response(
            json.dumps({"id": number}), 201, {"location": f"/v1/orders/{number}"}, "application/json"
        )

    @app.get("/v1/orders/{id}")
    async def one_order(id: int) -> Any:
        return orders.get(id, {})

    @app.delete("/v1/orders/{id}", status_code=204)
    async def no_order(id: int) -> None:
        orders.pop(id, None)

    @app.delete("/v1/orders", status_code=204)
    async def no_orders() -> None:
        orders.clear()

    @app.get("/echo")
    @app.post("/echo")
    async def echo(request: Request) -> Any:
        """The request, as a debugging page would show it, with the gateway's credential."""
        body = (await request.body()).decode("latin-1")
        return {"headers": dict(request.headers), "url": str(request.url), "body": body}

    @app.post("/upload")
    async def upload(request: Request) -> Any:
        size, crc = 0, 0
        async for chunk in request.stream():
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        return {"size": size, "crc": crc, "length": request.headers.get("content-length")}

    @app.post("/files")
    async def files(request: Request) -> Any:
        """The fields of a form, files by name and size."""
        form = await request.form()
        return {
            name: value if isinstance(value, str) else [value.filename, value.size]
            for name, value in form.multi_items()
        }

    @app.get("/projects/{path:path}")
    async def project(path: str) -> Any:
        return {"project": path}

    @app.get("/bytes/{size}")
    async def some_bytes(size: int) -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            left = size
            while left > 0:
                yield b"x" * min(left, 65536)
                left -= 65536

        return StreamingResponse(pieces(), media_type="application/octet-stream")

    @app.get("/rows/{count}")
    async def rows(count: int) -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            for first in range(0, count, 1000):
                found = (
                    {"id": n, "email": f"u{n}@example.com"} for n in range(first, min(count, first + 1000))
                )
                yield "".join(json.dumps(row) + "\n" for row in found).encode()

        return StreamingResponse(pieces(), media_type="application/x-ndjson")

    @app.get("/leak/{kind}")
    async def leak(kind: str, request: Request) -> Any:
        return _leak(kind)

    @app.get("/slow/{seconds}")
    async def slow(seconds: float) -> Any:
        await asyncio.sleep(seconds)
        return {"slept": seconds}

    @app.get("/redirect")
    async def redirect(to: str) -> Any:
        return RedirectResponse(to)

    @app.get("/events")
    async def events() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            for one in CUSTOMERS:
                yield f"id: {one['id']}\ndata: {json.dumps(one)}\n\n".encode()
                await asyncio.sleep(0.05)

        return StreamingResponse(pieces(), media_type="text/event-stream")

    @app.post("/token")
    async def token(request: Request) -> Any:
        """An OAuth 2 token endpoint: one client, tokens with a number."""
        if (
            request.headers.get("authorization")
            != "Basic " + base64.b64encode(b"gateway:client-secret").decode()
        ):
            return Response('{"error": "invalid_client"}', 401, media_type="application/json")
        tokens.append("")
        return {"access_token": f"granted-token-{len(tokens)}", "token_type": "Bearer", "expires_in": 3600}

    @app.websocket("/ws/{kind}")
    async def talk(socket: WebSocket, kind: str) -> None:
        seen.append({"method": "WEBSOCKET", "path": f"/ws/{kind}", "query": "", "headers": []})
        await _TALKS[kind](socket)

    @app.post("/graphql")
    async def graphql(request: Request) -> Any:
        return {"data": {"customer": CUSTOMERS[0]}}

    return app


async def _echo(socket: WebSocket) -> None:
    offered = socket.scope["subprotocols"]
    await socket.accept(offered[-1] if offered else None)
    while (message := await socket.receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


async def _customers(socket: WebSocket) -> None:
    await socket.accept()
    for one in CUSTOMERS:
        await socket.send_json(one)
    await socket.send_text(NOTE)
    await socket.send_bytes(json.dumps(CUSTOMERS[0]).encode())
    await socket.close(4001, "write to jane@example.com")


async def _bytes(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_bytes(b"\0\x01" + NOTE.encode())
    await socket.receive()


async def _request(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_json({name.decode(): value.decode() for name, value in socket.scope["headers"]})
    await socket.close()


async def _no(socket: WebSocket) -> None:
    await socket.close()  # before it was accepted: 403


async def _dies(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("soon")
    raise RuntimeError("as tests ask for")


_TALKS = {
    "echo": _echo,
    "customers": _customers,
    "bytes": _bytes,
    "request": _request,
    "no": _no,
    "dies": _dies,
}


@cache
def _bomb() -> bytes:
    """100 MB in 100 kB."""
    return gzip.compress(b" " * 100_000_000)


@cache
def _brotli_bomb() -> bytes:
    """100 MB in 100 bytes."""
    return bytes(brotli.compress(b" " * 100_000_000, quality=5))


def _of(media: str, **fields: str) -> dict[str, str]:
    """Header fields of an answer of this media type."""
    return {"content-type": media, **{name.replace("_", "-"): value for name, value in fields.items()}}


def _csv(rows: list[list[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _leak(kind: str) -> Response:
    """An answer with what must not leave, in one of many forms."""
    one = CUSTOMERS[0]
    text = json.dumps(one)
    escaped = json.dumps(one).replace("@", "\\u0040").replace("email", "\\u0065mail")
    xml = f"<r><customer><email>{one['email']}</email><card>{one['card']}</card></customer><n>{NOTE}</n></r>"
    html = f"<p>{one['email'].replace('@', '&#64;')} {one['email'].replace('@', '&#x40;')}</p>"
    table = f'id,email,card,note\r\n1,{one["email"]},{one["card"]},"{NOTE}"\r\n'
    part = f"--b\r\nContent-Type: application/json\r\n\r\n{text}\r\n--b--\r\n"
    doctype = f'<!DOCTYPE r [<!ENTITY e "{one["email"]}">]><r>&e;</r>'
    kinds: dict[str, tuple[str | bytes, dict[str, str]]] = {
        "json": (text, _of("application/json")),
        "problem": (text, _of("application/problem+json")),
        "escaped": (escaped, _of("application/json")),
        "number": ('{"n": 4111111111111111}', _of("application/json")),
        "key": (json.dumps({one["email"]: 1, one["card"]: {one["card"]: 2}}), _of("application/json")),
        "nested": (json.dumps([[[{"a": {"email": {"value": one["email"]}}}]]]), _of("application/json")),
        "twice": ('{"email": "a@b.cc", "email": "jane@example.com"}', _of("application/json")),
        "bom": ("\ufeff" + text, _of("application/json")),
        "utf16": (text.encode("utf-16"), _of("application/json; charset=utf-16")),
        "utf16-unsaid": (text.encode("utf-16-le"), _of("application/json")),
        "jsonp": (f"callback({text})", _of("application/javascript")),
        "not-json": (f"oops {text}", _of("application/json")),
        "cut-json": (text[:-1], _of("application/json")),
        "two-jsons": (text + text, _of("application/json")),
        "ndjson": (text + "\n" + text + "\n", _of("application/x-ndjson")),
        "json-seq": ("\x1e" + text + "\n", _of("application/json-seq")),
        "csv": (table, _of("text/csv")),
        "csv-cr": (table.replace("\r\n", "\n"), _of("text/csv")),
        "csv-quoted": (table.replace("email", '"email"'), _of("text/csv; charset=utf-8; header=present")),
        "csv-no-header": (table.split("\r\n")[1] + "\r\n", _of("text/csv")),
        "tsv": (table.replace(",", "\t"), _of("text/tab-separated-values")),
        "xml": (xml, _of("application/xml")),
        "xml-text": (xml, _of("text/xml; charset=utf-8")),
        "xml-references": (xml.replace("@", "&#64;"), _of("application/xml")),
        "xml-cdata": (
            f"<r><email><![CDATA[{one['email']}]]></email><n><![CDATA[{NOTE}]]></n></r>",
            _of("application/xml"),
        ),
        "xml-attribute": (f'<r email="{one["email"]}" note="{NOTE}"/>', _of("application/soap+xml")),
        "xml-entity": (doctype, _of("application/xml")),
        "xml-utf16": (xml.encode("utf-16"), _of("application/xml")),
        "html": (html, _of("text/html; charset=utf-8")),
        "plain": (NOTE, _of("text/plain")),
        "json-as-text": (text, _of("text/plain")),
        "json-as-bytes": (text, _of("application/octet-stream")),
        "no-type": (text, {}),
        "odd-type": (text, _of("json")),
        "two-types": (text, _of("application/json, text/plain")),
        "pdf": (b"%PDF-1.4 " + text.encode(), _of("application/pdf")),
        "gzip": (gzip.compress(text.encode()), _of("application/json", content_encoding="gzip")),
        "gzip-twice": (
            gzip.compress(gzip.compress(text.encode())),
            _of("application/json", content_encoding="gzip, gzip"),
        ),
        "gzip-members": (
            gzip.compress(b"[1]") + gzip.compress(text.encode()),
            _of("application/json", content_encoding="gzip"),
        ),
        "gzip-said-not-done": (text, _of("application/json", content_encoding="gzip")),
        "deflate": (zlib.compress(text.encode()), _of("application/json", content_encoding="deflate")),
        "brotli": (text, _of("application/json", content_encoding="br")),
        "brotli-done": (
            brotli.compress(text.encode()),
            _of("application/json", content_encoding="br"),
        ),
        "brotli-bomb": (_brotli_bomb(), _of("application/json", content_encoding="br")),
        "zstd": (zstandard.compress(text.encode()), _of("application/json", content_encoding="zstd")),
        "bomb": (_bomb(), _of("application/json", content_encoding="gzip")),
        "multipart": (part, _of("multipart/mixed; boundary=b")),
        "multipart-quoted": (part, _of('multipart/mixed; boundary="b"')),
        "multipart-base64": (
            part.replace("\r\n\r\n{", "\r\nContent-Transfer-Encoding: base64\r\n\r\n{"),
            _of("multipart/mixed; boundary=b"),
        ),
        "multipart-preamble": (text + "\r\n" + part, _of("multipart/mixed; boundary=b")),
        "multipart-epilogue": (part + text, _of("multipart/mixed; boundary=b")),
        "multipart-unended": (part.replace("--b--", ""), _of("multipart/mixed; boundary=b")),
        "multipart-nested": (
            f"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{part}\r\n--a--\r\n",
            _of("multipart/mixed; boundary=a"),
        ),
        "byteranges": (part, _of("multipart/byteranges; boundary=b")),
        "events": (f"data: {text}\n\n", _of("text/event-stream")),
        "events-lines": (
            "".join(f"data: {line}\n" for line in json.dumps(one, indent=1).split("\n")) + "\n",
            _of("text/event-stream"),
        ),
        "events-cr": (f"data: {text}\r\r", _of("text/event-stream")),
        "events-comment": (f": {NOTE}\n\n", _of("text/event-stream")),
        "events-text": (f"data: {NOTE}\n\n", _of("text/event-stream")),
        "events-unended": (f"data: {text}", _of("text/event-stream")),
        "header": ("{}", _of("application/json", link=f"<mailto:{one['email']}>")),
        "cookie": ("{}", _of("application/json", set_cookie=f"user={one['email']}")),
        "location": ("{}", _of("application/json", location=f"/v1/customers/{one['email']}")),
        "etag": ("{}", _of("application/json", etag=f'"{one["email"]}"')),
        "json-in-json": (json.dumps({"payload": text}), _of("application/json")),
        "json-in-json-in-json": (
            json.dumps({"a": [json.dumps({"payload": " " + text})]}),
            _of("application/json"),
        ),
        "json-in-string-in-json": (json.dumps({"a": json.dumps(text)}), _of("application/json")),
        "ndjson-in-json": (json.dumps({"log": f"{text}\n{text}\n"}), _of("application/json")),
        "json-in-csv": (_csv([["id", "payload"], ["1", text]]), _of("text/csv")),
        "json-in-xml": (f"<r><payload>{text}</payload></r>", _of("application/xml")),
        "json-in-xml-attribute": (f"<r a={quoteattr(text)}/>", _of("application/xml")),
        "json-in-events": (f"data: {json.dumps({'payload': text})}\n\n", _of("text/event-stream")),
        "json-in-multipart": (
            part.replace(text, json.dumps({"payload": [text]})),
            _of("multipart/mixed; boundary=b"),
        ),
        "digest": ("{}", _of("application/json", content_digest="sha-256=:abc:", x_card=one["card"])),
    }
    status = 200
    if kind.startswith("error-"):
        kind, status = kind.removeprefix("error-"), 500
    if kind.startswith("partial-"):
        kind, status = kind.removeprefix("partial-"), 206
    body, headers = kinds[kind]
    response = Response(body, status)
    response.raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response.raw_headers.append((b"content-length", str(len(response.body)).encode()))
    return response


if __name__ == "__main__":
    port, *files = sys.argv[1:]
    certificate, key, ca = files or (None, None, None)
    uvicorn.run(
        make_app(),
        host="127.0.0.1",
        port=int(port),
        log_level="info",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=ca,
        ssl_cert_reqs=ssl.CERT_REQUIRED if ca else ssl.CERT_NONE,
    )
