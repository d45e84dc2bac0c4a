"""A client's first bytes: TLS, the start-up packet, the token.

What comes before TLS is read byte by byte from the bare socket, so that nothing sent in clear text can be
taken for what came through TLS (CVE-2021-23214). PostgreSQL documentation, "SSL Session Encryption"
(55.2.10), with the direct start that ALPN `postgresql` marks.
"""

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass

from ingress.channel import Channel
from ingress.errors import ClientError, LoginRefused, ProtocolError
from ingress.postgres.codec import startup_packet
from ingress.postgres.messages import (
    AUTHENTICATION_CLEARTEXT,
    CANCEL_REQUEST,
    GSSENC_REQUEST,
    SSL_REQUEST,
    make_error,
    make_negotiate_protocol,
    make_sasl,
    make_sasl_continue,
    parse_cancel_request,
    parse_password,
    parse_sasl_initial,
    parse_startup,
)
from ingress.postgres.oauth import ABANDONED, MECHANISM, parse_token
from ingress.postgres.startup import Wish, read_wish

ALPN = "postgresql"
_TLS_HANDSHAKE = 0x16  # RFC 8446, section 5.1: the first byte of a ClientHello's record
_REQUEST = struct.Struct("!II")
_MAX_PASSWORD = 65_536


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The connection was opened only to cancel another's statement."""

    pid: int
    secret: bytes


async def open_tls(sock: socket.socket, context: ssl.SSLContext) -> Channel | CancelRequest:
    """A channel through TLS. Raises LoginRefused where the client does not want it, ClientError."""
    loop = asyncio.get_running_loop()
    for _ in range(3):  # GSSENCRequest, SSLRequest, and no more
        if await _peek(sock) == _TLS_HANDSHAKE:
            channel = await _wrap(sock, context)
            assert channel.transport is not None
            if channel.transport.get_extra_info("ssl_object").selected_alpn_protocol() != ALPN:
                channel.abort()
                raise ClientError("direct TLS without ALPN postgresql")
            return channel
        length, code = _REQUEST.unpack(await _read(sock, 8))
        if code == SSL_REQUEST and length == 8:
            await loop.sock_sendall(sock, b"S")
            return await _wrap(sock, context)
        if code == GSSENC_REQUEST and length == 8:
            await loop.sock_sendall(sock, b"N")
            continue
        if code == CANCEL_REQUEST and 16 <= length <= 272:
            rest = await _read(sock, length - 8)
            return CancelRequest(*parse_cancel_request(_REQUEST.pack(length, code)[4:] + rest))
        if code >> 16 in (2, 3):
            raise LoginRefused(
                "the gateway takes encrypted connections only", "28000", "Connect with sslmode=require."
            )
        raise ClientError("the first bytes are not PostgreSQL's protocol")
    raise ClientError("too many requests before the start-up packet")


async def refuse_plainly(sock: socket.socket, refused: LoginRefused) -> None:
    """Tells a client that has no TLS why it is not let in."""
    await asyncio.get_running_loop().sock_sendall(sock, make_refused(refused))


def make_refused(refused: LoginRefused) -> bytes:
    return make_error(refused.code, str(refused), severity="FATAL", hint=refused.hint)


async def read_startup(channel: Channel) -> tuple[Wish, bytes] | CancelRequest:
    """What the client wants, and what it sent beyond. Raises LoginRefused, ProtocolError."""
    data = b""
    while (packet := startup_packet(data)) is None:
        data += await _more(channel)
    body, used = packet
    if int.from_bytes(body[:4], "big") == CANCEL_REQUEST:
        return CancelRequest(*parse_cancel_request(body))
    return read_wish(parse_startup(body)), data[used:]


async def read_token(channel: Channel, wish: Wish, data: bytes, challenge: bytes | None) -> tuple[str, bytes]:
    """Asks for the password or the OAuth token, and gives it and what was sent beyond. `challenge`: where a
    client gets such a token, where there are any. Raises LoginRefused, ProtocolError."""
    answer = [make_sasl(MECHANISM) if wish.oauth else AUTHENTICATION_CLEARTEXT]
    if wish.negotiate:
        answer.insert(0, make_negotiate_protocol(wish.minor, wish.unknown_options))
    if wish.oauth and challenge is None:
        raise LoginRefused(
            "the gateway takes no access tokens of an identity provider",
            "28000",
            "Set identity.oidc.audience in its configuration, or leave countersign.sign_in out.",
        )
    channel.write(answer)
    body, rest = await _answer(channel, data)
    if not wish.oauth:
        return parse_password(body), rest
    mechanism, initial = parse_sasl_initial(body)
    if mechanism != MECHANISM:
        raise ProtocolError(f"expected {MECHANISM}")
    token = parse_token(initial)
    if token:
        return token, rest
    assert challenge is not None
    channel.write([make_sasl_continue(challenge)])
    body, _ = await _answer(channel, rest)
    if body != ABANDONED:
        raise ProtocolError("expected the end of the OAUTHBEARER exchange")
    raise LoginRefused("no OAuth token was shown", "28000", "Sign in with the identity provider.")


async def _answer(channel: Channel, data: bytes) -> tuple[bytes, bytes]:
    """The client's next message while it signs in, and what was sent beyond."""
    while len(data) < 5:
        data += await _more(channel)
    kind, length = data[:1], int.from_bytes(data[1:5], "big")
    if kind != b"p" or not 4 <= length <= _MAX_PASSWORD:
        raise ProtocolError("expected a password message")
    while len(data) < length + 1:
        data += await _more(channel)
    return data[5 : length + 1], data[length + 1 :]


async def _more(channel: Channel) -> bytes:
    data = await channel.receive()
    if not data:
        raise ClientError("the client left while signing in")
    return data


async def _peek(sock: socket.socket) -> int:
    """The first byte that waits, left where it is."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            first = sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            ready = asyncio.Event()
            loop.add_reader(sock, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_reader(sock)
            continue
        if not first:
            raise ClientError("the client left before it said anything")
        return first[0]


async def _read(sock: socket.socket, count: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < count:
        more = await loop.sock_recv(sock, count - len(data))
        if not more:
            raise ClientError("the client left before it said what it wants")
        data += more
    return data


async def _wrap(sock: socket.socket, context: ssl.SSLContext) -> Channel:
    channel = Channel()
    try:
        # What uvloop returns beside the transport is its own TLS layer, not the protocol it was given.
        await asyncio.get_running_loop().connect_accepted_socket(lambda: channel, sock, ssl=context)
    except (ssl.SSLError, OSError) as error:
        raise ClientError(f"TLS with the client failed: {error}") from error
    return channel
