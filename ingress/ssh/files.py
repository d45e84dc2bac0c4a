"""SFTP and SCP: each operation is a command about paths, and runs at the host's own SFTP server.

What is read and written through an open file belongs to the command that opened it. A path is resolved at the
host before it is judged, so that no symbolic link leads around a rule; what the host makes of it between the
verdict and the operation cannot be seen.

Every method of SFTPServer that would touch the gateway's own files is overridden; a test holds that.
"""

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import asyncssh
from asyncssh import (
    FXF_APPEND,
    FXF_CREAT,
    FXF_READ,
    FXF_TRUNC,
    FXF_WRITE,
    SFTPAttrs,
    SFTPName,
    SFTPVFSAttrs,
)
from asyncssh.channel import SSHChannel

from ingress.gate import Allowed
from ingress.inquiry import Refused
from ingress.interface import Finish
from ingress.shell.paths import holds_credentials, rules
from ingress.ssh import words
from ingress.ssh.contents import Contents, Digest, Withheld
from ingress.ssh.refusal import refusal_line
from ingress.ssh.visit import ClientGone, Visit
from ingress.terminal.obligations import unkept
from schemas.vocabulary import Facts, Intent, MaskedField, Outcome

_WRITES = FXF_WRITE | FXF_APPEND | FXF_CREAT | FXF_TRUNC
_STDERR = 1  # SSH_EXTENDED_DATA_STDERR (RFC 4254, 5.2)
_SETS_OWNER_OF_PROCESS = 0o6000  # set-user-ID and set-group-ID


@dataclass(slots=True, eq=False)
class OpenFile:
    """A file that the client has open, and the command that opened it."""

    path: str
    command: str
    file: asyncssh.SFTPClientFile
    contents: Contents
    may_write: bool
    most: int | None  # bytes that may be read
    read: Digest = field(default_factory=Digest)
    written: Digest = field(default_factory=Digest)
    error: str = ""

    def seek(self, offset: int, whence: int) -> int:
        """asyncssh asks where there is data, for clients that leave out the holes of a file: everywhere."""
        return offset if whence == os.SEEK_DATA else sys.maxsize


class Files(asyncssh.SFTPServer):
    """One channel's SFTP server, of which the host's is the disk."""

    def __init__(self, visit: Visit, channel: "SSHChannel[bytes]") -> None:
        assert isinstance(channel, asyncssh.SSHServerChannel)
        super().__init__(channel)
        self._visit = visit
        self._host: asyncssh.SFTPClient | None = None
        self._opening = asyncio.Lock()
        self._open: set[OpenFile] = set()
        visit.hold(channel.wait_closed())

    # Files

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> OpenFile:
        writes = bool(pflags & _WRITES)
        statement = words.WRITE_FILE if writes else words.READ_FILE
        shown = await self._resolved(path)
        intents = {Intent.WRITE} if writes else set()
        if pflags & FXF_READ or not writes:
            intents.add(Intent.READ)
        command, allowed = await self._ask(statement, intents, shown, attrs=attrs)
        try:
            file = await (await self._client()).open(path, pflags, attrs, encoding=None, block_size=0)
        except asyncssh.SFTPError as error:
            self._finish(command, Outcome.FAILED, str(error))
            raise
        opened = OpenFile(
            path=shown,
            command=command,
            file=file,
            contents=Contents(
                lambda offset, size: file.read(size, offset), allowed.obligations.masking.detectors
            ),
            may_write=writes,
            most=allowed.obligations.bytes,
        )
        self._open.add(opened)
        return opened

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        opened = _opened(file_obj)
        if opened.most is not None and opened.read.bytes + size > opened.most:
            opened.error = "the limit of bytes was reached"
            raise asyncssh.SFTPPermissionDenied(opened.error)
        try:
            data = await opened.contents.read(offset, size)
        except Withheld:
            opened.error = "it is no text, and holds what must not leave"
            self._tell(f"countersign: {opened.path}: {opened.error}")
            raise asyncssh.SFTPPermissionDenied(opened.error) from None
        opened.read.add(offset, data)
        return data

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        opened = _opened(file_obj)
        opened.written.add(offset, data)
        return await opened.file.write(data, offset)

    async def close(self, file_obj: object) -> None:
        opened = _opened(file_obj)
        if opened not in self._open:
            return
        self._open.discard(opened)
        outcome = Outcome.FAILED if opened.error else Outcome.UNKNOWN
        try:
            await opened.file.close()
            outcome = outcome if opened.error else Outcome.SUCCEEDED
        except asyncssh.SFTPError as error:
            opened.error = opened.error or str(error)
            outcome = Outcome.FAILED
            raise
        finally:
            self._close_command(opened, outcome)

    async def fstat(self, file_obj: object) -> SFTPAttrs:
        return await _opened(file_obj).file.stat()

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        opened = _opened(file_obj)
        if not opened.may_write or (attrs.permissions or 0) & _SETS_OWNER_OF_PROCESS:
            raise asyncssh.SFTPPermissionDenied("not with what the file was opened for")
        await opened.file.setstat(attrs)

    async def fsync(self, file_obj: object) -> None:
        await _opened(file_obj).file.fsync()

    async def fstatvfs(self, file_obj: object) -> SFTPVFSAttrs:
        return await _opened(file_obj).file.statvfs()

    # Names

    async def lstat(self, path: bytes) -> SFTPAttrs:
        return cast(SFTPAttrs, await self._about(words.STAT, path, "lstat", follows=False))

    async def stat(self, path: bytes) -> SFTPAttrs:
        return cast(SFTPAttrs, await self._about(words.STAT, path, "stat"))

    async def statvfs(self, path: bytes) -> SFTPVFSAttrs:
        return cast(SFTPVFSAttrs, await self._about(words.STAT, path, "statvfs"))

    async def readlink(self, path: bytes) -> bytes:
        return cast(bytes, await self._about(words.READ_LINK, path, "readlink", follows=False))

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        shown = await self._resolved(path)
        command, _ = await self._ask(words.LIST, {Intent.READ}, shown)
        outcome, error = Outcome.UNKNOWN, "the client stopped reading"
        try:
            async for name in (await self._client()).scandir(path):
                yield name
            outcome, error = Outcome.SUCCEEDED, ""
        except asyncssh.SFTPError as failed:
            outcome, error = Outcome.FAILED, str(failed)
            raise
        finally:
            self._finish(command, outcome, error)

    async def realpath(self, path: bytes) -> bytes:
        """How a client finds out where it is: no command, since it tells no more than a name's other name."""
        return await (await self._client()).realpath(path)

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        await self._change(words.SET_ATTRIBUTES, path, "setstat", attrs, attrs=attrs)

    async def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        raise asyncssh.SFTPOpUnsupported("attributes of a symbolic link itself")

    async def remove(self, path: bytes) -> None:
        await self._change(words.REMOVE, path, "remove", follows=False)

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        await self._change(words.MAKE_DIRECTORY, path, "mkdir", attrs, follows=False, attrs=attrs)

    async def rmdir(self, path: bytes) -> None:
        await self._change(words.REMOVE_DIRECTORY, path, "rmdir", follows=False)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._change(words.RENAME, oldpath, "rename", newpath, follows=False, other=newpath)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._change(words.RENAME, oldpath, "posix_rename", newpath, follows=False, other=newpath)

    async def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """`oldpath` is what the link says, from the link's own folder."""
        target = oldpath if oldpath.startswith(b"/") else newpath.rpartition(b"/")[0] + b"/" + oldpath
        await self._change(words.MAKE_SYMLINK, oldpath, "symlink", newpath, shown=target, other=newpath)

    async def link(self, oldpath: bytes, newpath: bytes) -> None:
        await self._change(words.MAKE_LINK, oldpath, "link", newpath, other=newpath)

    # What there is no use for

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: SFTPAttrs) -> object:
        raise asyncssh.SFTPOpUnsupported("SFTP versions above 3")

    async def format_longname(self, name: SFTPName) -> None:
        """The host has written it."""

    async def exit(self) -> None:
        """The channel ends: what the client left open is closed."""
        for opened in list(self._open):
            self._open.discard(opened)
            self._close_command(opened, Outcome.UNKNOWN)
        if self._host is not None:
            self._host.exit()
        if not self.channel.is_closing():
            self.channel.exit(0)  # scp takes a missing exit status for a failure

    # What they share

    async def _about(self, statement: str, path: bytes, method: str, *, follows: bool = True) -> Any:
        """Asks something about a name."""
        shown = await self._resolved(path, follows=follows)
        command, _ = await self._ask(statement, {Intent.READ}, shown)
        return await self._done(command, method, path)

    async def _change(
        self,
        statement: str,
        path: bytes,
        method: str,
        *arguments: object,
        follows: bool = True,
        shown: bytes | None = None,
        other: bytes | None = None,
        attrs: SFTPAttrs | None = None,
    ) -> None:
        """Changes a name. `shown`: what is judged in the place of `path`; `other`: a second name."""
        first = await self._resolved(shown if shown is not None else path, follows=follows)
        second = await self._resolved(other, follows=False) if other is not None else None
        command, _ = await self._ask(statement, {Intent.WRITE}, first, second, attrs=attrs)
        await self._done(command, method, path, *arguments)

    async def _done(self, command: str, method: str, *arguments: object) -> Any:
        outcome, said = Outcome.UNKNOWN, "the client left before it ended"
        try:
            answer = await getattr(await self._client(), method)(*arguments)
            outcome, said = Outcome.SUCCEEDED, ""
            return answer
        except asyncssh.SFTPError as error:
            outcome, said = Outcome.FAILED, str(error)
            raise
        finally:
            self._finish(command, outcome, said)

    async def _ask(
        self,
        statement: str,
        intents: set[Intent],
        *paths: str | None,
        attrs: SFTPAttrs | None = None,
    ) -> tuple[str, Allowed]:
        """The command's id, released, and its verdict. Raises SFTPPermissionDenied."""
        named = [path for path in paths if path is not None]
        writes = Intent.WRITE in intents
        if any(holds_credentials(path, recursive=writes) for path in named):
            intents = intents | {Intent.CREDENTIAL}
        sets = attrs is not None and bool((attrs.permissions or 0) & _SETS_OWNER_OF_PROCESS)
        owns = attrs is not None and attrs.uid is not None
        if writes and (sets or owns or any(rules(path) for path in named)):
            intents = intents | {Intent.ADMIN}
        facts = Facts(
            intents=tuple(sorted(intents)), statements=(statement,), paths=tuple(sorted(set(named)))
        )
        text = " ".join((statement.replace("_", " "), *map(shlex.quote, named)))
        if attrs is not None and attrs.permissions is not None:
            text += f" mode {attrs.permissions & 0o7777:04o}"
        command = self._visit.judge.operation(text, facts, self._said())
        try:
            allowed = await self._verdict(self._visit.ask(command, self._tell))
            if (refusal := unkept(allowed.obligations, command)) is not None:
                self._visit.abandon(command.id, refusal.message)
                raise Refused(refusal)
            self._visit.release(command.id)
        except Refused as refused:
            self._tell(refusal_line(command.id, refused.refusal))
            raise asyncssh.SFTPPermissionDenied(refused.refusal.message) from None
        return command.id, allowed

    async def _verdict(self, asking: Coroutine[Any, Any, Allowed]) -> Allowed:
        """Awaits it, unless the client closes the channel."""
        waiting = asyncio.ensure_future(asking)
        closed = asyncio.ensure_future(self.channel.wait_closed())
        try:
            await asyncio.wait((waiting, closed), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise asyncssh.SFTPConnectionLost("the client left")
            return waiting.result()
        except (ClientGone, asyncio.CancelledError):
            raise asyncssh.SFTPConnectionLost("the client left") from None
        finally:
            waiting.cancel()
            closed.cancel()

    async def _resolved(self, path: bytes, *, follows: bool = True) -> str:
        """The path as the host knows it. `follows`: what a link in its last part leads to, not the link."""
        client = await self._client()
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

    async def _client(self) -> asyncssh.SFTPClient:
        async with self._opening:
            if self._host is None:
                try:
                    self._host = await self._visit.target.start_sftp_client(path_encoding=None)
                except asyncssh.Error as error:
                    self._tell(f"countersign: the host has no sftp: {error}")
                    raise asyncssh.SFTPNoConnection("the host has no sftp") from error
            return self._host

    def _close_command(self, opened: OpenFile, outcome: Outcome) -> None:
        digest = opened.written if opened.may_write else opened.read
        self._visit.note(f"{opened.path}: {digest.bytes} bytes, {digest}")
        self._finish(opened.command, outcome, opened.error, digest.bytes, opened.contents.masked)

    def _finish(
        self,
        command: str,
        outcome: Outcome,
        error: str,
        count: int = 0,
        masked: Mapping[str, int] | None = None,
    ) -> None:
        self._visit.finish(
            Finish(
                command=command,
                outcome=outcome,
                rows=0,
                bytes=count,
                error_code="",
                error=error,
                masked=tuple(MaskedField(f"detector:{n}", n, c) for n, c in sorted((masked or {}).items())),
            )
        )

    def _said(self) -> Mapping[str, str]:
        return {
            name: value for name, value in self.channel.get_environment().items() if isinstance(value, str)
        }

    def _tell(self, said: str) -> None:
        self._visit.say(said + "\n")
        self.channel.write(said.encode() + b"\n", _STDERR)


def _opened(file_obj: object) -> OpenFile:
    if not isinstance(file_obj, OpenFile):
        raise asyncssh.SFTPInvalidHandle("not a file that is open")
    return file_obj


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
