"""Ports and sockets that the host listens on for the client (remote forwarding, RFC 4254, 7.1; OpenSSH's
PROTOCOL, 2.4). Each listener is a command; what connects to it passes as a part of it.
"""

import asyncio

import asyncssh
from asyncssh.stream import SSHTCPStreamSession, SSHUNIXStreamSession

from ingress.command import Command
from ingress.inquiry import Refused
from ingress.ssh import words
from ingress.ssh.forwarding import HOST, PASSES
from ingress.ssh.host_files import resolved_socket
from ingress.ssh.inlet import Inlet
from ingress.ssh.operations import operation_facts
from ingress.ssh.passage import Ends, Passage, permitted
from ingress.ssh.visit import ClientGone, Visit
from schemas.vocabulary import Facts, Outcome

MOST_LISTENERS = 10  # at a time


class Listener(asyncssh.SSHListener):
    """What asyncssh closes when the client takes the listener back, or leaves."""

    def __init__(self, inlet: Inlet, at_host: asyncssh.SSHListener) -> None:
        super().__init__()
        self._inlet = inlet
        self._at_host = at_host

    def get_port(self) -> int:
        return self._at_host.get_port()

    def close(self) -> None:
        self._inlet.close()


class Listening:
    """One client's listeners at its host. `client`: where what connects to them leads."""

    def __init__(self, visit: Visit, client: asyncssh.SSHServerConnection) -> None:
        self._visit = visit
        self._client = client
        self._listeners = 0

    async def on_port(self, host: str, port: int) -> Listener | None:
        """None where it may not be or cannot be; the client has been told why. An empty `host`: all
        addresses; `port` 0: one that the host chooses."""
        if host and not HOST.fullmatch(host):
            self._visit.channels.tell("countersign: that is no address to listen on")
            return None
        where = f"{host or '*'}:{port or '*'}"
        facts = Facts(intents=tuple(sorted(PASSES)), statements=(words.LISTEN,), paths=(where,))
        command = self._visit.judge.operation(f"listen {where} for the client", facts, {})
        if (passage := await self._permitted(command)) is None:
            return None
        inlet = Inlet(passage)

        async def admit(from_host: str, from_port: int) -> SSHTCPStreamSession[bytes]:
            async def connect() -> Ends:
                return await self._client.open_connection(host, at_host.get_port(), from_host, from_port)

            return await inlet.admit(connect, SSHTCPStreamSession[bytes])

        try:
            at_host = await self._visit.target.create_server(admit, host, port, encoding=None)
        except (asyncssh.Error, OSError) as error:
            self._failed(passage, where, error)
            return None
        return self._opened(inlet, at_host)

    async def on_socket(self, path: str) -> Listener | None:
        """As `on_port`, on a socket of the host's file system."""
        try:
            where = await resolved_socket(self._visit, path)
        except Refused as refused:
            self._visit.channels.refuse("", refused.refusal)
            return None
        facts = operation_facts(words.LISTEN_SOCKET, PASSES, [where], None)
        command = self._visit.judge.operation(f"listen socket {where} for the client", facts, {})
        if (passage := await self._permitted(command)) is None:
            return None
        inlet = Inlet(passage)

        async def connect() -> Ends:
            return await self._client.open_unix_connection(path)

        async def admit() -> SSHUNIXStreamSession[bytes]:
            return await inlet.admit(connect, SSHUNIXStreamSession[bytes])

        try:
            at_host = await self._visit.target.create_unix_server(admit, where, encoding=None)
        except (asyncssh.Error, OSError) as error:
            self._failed(passage, where, error)
            return None
        return self._opened(inlet, at_host)

    async def _permitted(self, command: Command) -> Passage | None:
        tell = self._visit.channels.tell
        if self._listeners >= MOST_LISTENERS:
            tell("countersign: too many listeners")
            return None
        beating = asyncio.create_task(self._visit.channels.beat())
        try:
            return await permitted(self._visit, command, tell)
        except Refused as refused:
            self._visit.channels.refuse(command.id, refused.refusal)
        except ClientGone:
            pass  # nobody is there to be told
        finally:
            beating.cancel()
        return None

    def _opened(self, inlet: Inlet, at_host: asyncssh.SSHListener) -> Listener:
        self._listeners += 1
        self._visit.hold(self._stay(inlet, at_host))
        return Listener(inlet, at_host)

    async def _stay(self, inlet: Inlet, at_host: asyncssh.SSHListener) -> None:
        try:
            await inlet.stay()
        finally:
            self._listeners -= 1
            at_host.close()

    def _failed(self, passage: Passage, where: str, error: Exception) -> None:
        said = f"the host does not listen on {where}: {error}"
        passage.report(Outcome.FAILED, said)
        self._visit.channels.tell(f"countersign: {said}")
