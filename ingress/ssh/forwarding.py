"""What a client wants reached from its host: a port (local and dynamic forwarding, RFC 4254, 7.2), a socket
or a tunnel (OpenSSH's PROTOCOL, 2.4 and 2.3). Each connection is a command, with the place it leads to.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncssh
from asyncssh.stream import SSHTCPStreamSession, SSHTunTapStreamSession, SSHUNIXStreamSession

from ingress.inquiry import Refused
from ingress.ssh import words
from ingress.ssh.host_files import resolved_socket
from ingress.ssh.operations import operation_facts
from ingress.ssh.passage import Ends, Reader, Writer, permitted
from ingress.ssh.refusal import refusal_line
from ingress.ssh.visit import ClientGone, Visit
from schemas.vocabulary import Facts, Intent, Outcome

MOST_STREAMS = 10  # at a time
PASSES = frozenset({Intent.EXPORT, Intent.NETWORK})  # what bytes may do that nobody looks into
HOST = re.compile(r"[A-Za-z0-9._:-]{1,255}")

Session = TypeVar("Session")


@dataclass(frozen=True, slots=True)
class _Way(Generic[Session]):
    """`connect`: makes the connection at the host; `session`: asyncssh's for the client's end of it."""

    text: str
    facts: Facts
    connect: Callable[[], Awaitable[Any]]
    session: Callable[[Callable[[Reader, Writer], Awaitable[None]]], Session]


class Forwarding:
    """One client's connections from its host, at most MOST_STREAMS at a time. All raise ChannelOpenError."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._streams = 0

    async def to_port(self, host: str, port: int) -> SSHTCPStreamSession[bytes]:
        """To a port that the host can reach."""
        if not HOST.fullmatch(host):
            raise _prohibited("that is no host")
        where = f"{host}:{port}"
        facts = Facts(intents=tuple(sorted(PASSES)), statements=(words.FORWARD,), paths=(where,))
        target = self._visit.target
        return await self._through(
            _Way(
                f"forward {where}",
                facts,
                lambda: target.open_connection(host, port),
                SSHTCPStreamSession[bytes],
            )
        )

    async def to_socket(self, path: str) -> SSHUNIXStreamSession[bytes]:
        """To a socket of the host's file system. Links are followed before it is judged."""
        try:
            where = await resolved_socket(self._visit, path)
        except Refused as refused:
            raise _prohibited(refusal_line("", refused.refusal)) from refused
        facts = operation_facts(words.FORWARD_SOCKET, PASSES, [where], None)
        target = self._visit.target
        return await self._through(
            _Way(
                f"forward socket {where}",
                facts,
                lambda: target.open_unix_connection(where),
                SSHUNIXStreamSession[bytes],
            )
        )

    async def tunnel(self, unit: int | None, *, ethernet: bool) -> SSHTunTapStreamSession:
        """To a network device that the host makes: of Ethernet frames (tap) or IP packets (tun)."""
        kind = "tap" if ethernet else "tun"
        where = f"{kind}{'*' if unit is None else unit}"
        facts = Facts(
            intents=tuple(sorted(PASSES | {Intent.ADMIN})), statements=(words.TUNNEL,), paths=(where,)
        )
        target = self._visit.target
        connect = target.open_tap if ethernet else target.open_tun
        return await self._through(
            _Way(f"tunnel {where}", facts, lambda: connect(unit), SSHTunTapStreamSession)
        )

    async def _through(self, way: _Way[Session]) -> Session:
        """The client's end of it, once it may be and is made."""
        if self._streams >= MOST_STREAMS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many connections")
        self._streams += 1
        try:
            return await self._made(way)
        except BaseException:
            self._streams -= 1
            raise

    async def _made(self, way: _Way[Session]) -> Session:
        visit = self._visit
        command = visit.judge.operation(way.text, way.facts, {})
        try:
            passage = await permitted(visit, command, visit.channels.tell)
        except Refused as refused:
            raise _prohibited(refusal_line(command.id, refused.refusal)) from refused
        except ClientGone as gone:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(gone)) from gone
        try:
            host: Ends = await way.connect()
        except (asyncssh.Error, OSError) as error:
            passage.report(Outcome.FAILED, f"the host does not do it: {error}")
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_CONNECT_FAILED, f"the host does not do it: {error}"
            ) from error

        async def serve(from_client: Reader, to_client: Writer) -> None:
            work = passage.run(passage.join((from_client, to_client), host))
            try:
                await visit.serve(work, to_client.channel.wait_closed())
            except (ClientGone, asyncio.CancelledError):
                pass  # the passage has said what became of it
            finally:
                self._streams -= 1

        return way.session(serve)


def _prohibited(why: str) -> asyncssh.ChannelOpenError:
    return asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, why)
