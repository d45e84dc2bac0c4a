"""The opening handshake of a WebSocket (RFC 6455, section 4), on both sides.

No extension is negotiated: compressed messages could not be looked into without undoing them first, and what
a few bytes may become has no end there.
"""

import base64
import binascii
import os
from collections.abc import Iterable

from websockets.utils import accept_key

from ingress.errors import TargetError
from ingress.web.exchange import Exchange
from ingress.web.fields import Field
from ingress.web.requests import Requests
from ingress.web.strict import Head
from ingress.web.target_side import AnswerHead
from ingress.web.websocket import WebSocket

VERSION = b"13"
_KEY, _ACCEPT, _PROTOCOL = b"sec-websocket-key", b"sec-websocket-accept", b"sec-websocket-protocol"
_OWN = frozenset((_KEY, _ACCEPT, _PROTOCOL, b"sec-websocket-version", b"sec-websocket-extensions"))


def is_asked(head: Head) -> bool:
    """Whether the request wants a WebSocket and no other protocol."""
    return head.wants_upgrade and (head.field(b"upgrade") or b"").lower() == b"websocket"


def why_not(head: Head) -> str | None:
    """Why a request for a WebSocket is none of RFC 6455 (section 4.2.1); None for one that is."""
    if head.method != "GET" or head.is_1_0:
        return "its WebSocket handshake is not that of RFC 6455"
    if head.field(b"content-length") not in (None, b"0") or head.field(b"transfer-encoding") is not None:
        return "its WebSocket handshake has a body"
    if head.field(b"sec-websocket-version") != VERSION:
        return "its WebSocket version is not 13"
    try:
        is_key = len(base64.b64decode(head.field(_KEY) or b"", validate=True)) == 16
    except binascii.Error:
        is_key = False
    return None if is_key else "its Sec-WebSocket-Key is none"


def offered(head: Head) -> tuple[str, ...]:
    """The subprotocols the client offers."""
    said = b",".join(value for name, value in head.fields if name == _PROTOCOL).decode("latin-1")
    return tuple(name.strip() for name in said.split(",") if name.strip())


def without_handshake(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """A request's fields without those of the handshake, which is another one at the target."""
    return tuple(one for one in fields if one[0] not in _OWN)


async def accept(requests: Requests, head: Head, protocol: str) -> WebSocket:
    """The client's side, told that it is open. `protocol`: the chosen subprotocol, "" for none."""
    key = (head.field(_KEY) or b"").decode("latin-1")
    fields: list[Field] = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (_ACCEPT, accept_key(key).encode()),
    ]
    if protocol:
        fields.append((_PROTOCOL, protocol.encode("latin-1")))
    said, early = requests.side.switch(fields)
    await requests.stream.send(said)
    return WebSocket(requests.stream, is_server=True, early=early)


async def ask(
    exchange: Exchange, target: str, fields: Iterable[Field], protocols: tuple[str, ...]
) -> tuple[AnswerHead, str]:
    """Asks the target for a WebSocket: the head of its answer, 101 where it opens one, and the subprotocol it
    chose, "" for none. Raises TargetError."""
    key = base64.b64encode(os.urandom(16)).decode()
    asked = [
        *fields,
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-version", VERSION),
        (_KEY, key.encode()),
    ]
    if protocols:
        asked.append((_PROTOCOL, ", ".join(protocols).encode("latin-1")))
    await exchange.send("GET", target, asked, None, None)
    head = await exchange.head()
    if head.status != 101:
        return head, ""
    chosen = (head.field(_PROTOCOL) or b"").decode("latin-1")
    if (
        head.field(_ACCEPT) != accept_key(key).encode()
        or head.field(b"sec-websocket-extensions") is not None  # section 4.1: nobody asked for one
        or (chosen and chosen not in protocols)
    ):
        raise TargetError("the target does not speak this WebSocket protocol")
    return head, chosen


def opened(exchange: Exchange) -> WebSocket:
    """The target's side, after its 101."""
    stream, early = exchange.switched()
    return WebSocket(stream, is_server=False, early=early)
