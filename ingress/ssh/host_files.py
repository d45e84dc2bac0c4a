"""The host's own SFTP server, as the gateway asks it."""

import asyncio
from collections.abc import Callable

import asyncssh

from ingress.gate import Refusal
from ingress.inquiry import Refused
from ingress.ssh.visit import Visit


class HostFiles:
    """Connected when it is first needed. `tell`: what the client has to know."""

    def __init__(self, target: asyncssh.SSHClientConnection, tell: Callable[[str], None]) -> None:
        self._target = target
        self._tell = tell
        self._opening = asyncio.Lock()
        self._client: asyncssh.SFTPClient | None = None

    async def client(self) -> asyncssh.SFTPClient:
        """Raises SFTPNoConnection."""
        async with self._opening:
            if self._client is None:
                try:
                    self._client = await self._target.start_sftp_client(path_encoding=None)
                except asyncssh.Error as error:
                    self._tell(f"countersign: the host has no sftp: {error}")
                    raise asyncssh.SFTPNoConnection("the host has no sftp") from error
            return self._client

    async def resolved(self, path: bytes, *, follows: bool = True) -> str:
        """The path as the host knows it. `follows`: what a link in its last part leads to, not the link."""
        client = await self.client()
        folder, slash, name = path.rstrip(b"/").rpartition(b"/")
        folder = folder + slash
        try:
            if follows:
                return _shown(await client.realpath(path))
        except asyncssh.SFTPError:
            pass  # it is not there yet: its folder says where it will be
        if not name or name in (b".", b".."):
            return _shown(await client.realpath(path or b"."))
        return _shown((await client.realpath(folder or b".")).rstrip(b"/") + b"/" + name)

    def exit(self) -> None:
        """The client needs it no more."""
        if self._client is not None:
            self._client.exit()


async def resolved_socket(visit: Visit, path: str) -> str:
    """Where a socket of the host really is. Raises Refused, also where the host cannot tell."""
    said = "Nothing was executed. Name the socket by its whole path, from / on."
    if not path.startswith("/") or not path.isprintable():
        raise Refused(Refusal(message="that is no whole path of a socket", hint=said))
    files = HostFiles(visit.target, visit.channels.tell)
    try:
        return await files.resolved(path.encode())
    except asyncssh.SFTPError as error:
        message = f"the host does not say where that socket is: {error.reason}"
        raise Refused(Refusal(message=message, hint=said)) from error
    finally:
        files.exit()


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
