"""SFTP and SCP: each operation is a command about paths, and runs at the host's own SFTP server.

What is read and written through an open file belongs to the command that opened it. A path is resolved at the
host before it is judged, so that no symbolic link leads around a rule; what the host makes of it between the
verdict and the operation cannot be seen.

Every method of SFTPServer that would touch the gateway's own files is overridden; a test holds that.
"""

import asyncio
from collections.abc import AsyncIterator
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
from asyncssh.stream import SSHStreamSession

from ingress.ssh import words
from ingress.ssh.contents import Contents, Withheld
from ingress.ssh.file_commands import FileCommands
from ingress.ssh.host_files import HostFiles
from ingress.ssh.kept import Kept
from ingress.ssh.open_file import OpenFile, Way, file_of
from ingress.ssh.operations import SETS_OWNER_OF_PROCESS
from ingress.ssh.transfers import Direction
from ingress.ssh.upload import upload_flags
from ingress.ssh.visit import Visit
from schemas.vocabulary import Intent, Outcome

_WRITES = FXF_WRITE | FXF_APPEND | FXF_CREAT | FXF_TRUNC


class Files(asyncssh.SFTPServer):
    """One channel's SFTP server, of which the host's is the disk. `turn`: of those who write to this host
    under a rule that blocks."""

    def __init__(self, visit: Visit, channel: "SSHChannel[bytes]", turn: asyncio.Lock) -> None:
        assert isinstance(channel, asyncssh.SSHServerChannel)
        super().__init__(channel)
        self._visit = visit
        self._turn = turn
        self._commands = FileCommands(visit, channel)
        self._host = HostFiles(visit.target, self._commands.tell)
        self._open: set[OpenFile] = set()
        visit.hold(channel.wait_closed())
        visit.before_leaving(self._let_go)

    # Files

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> OpenFile:
        writes = bool(pflags & _WRITES)
        statement = words.WRITE_FILE if writes else words.READ_FILE
        shown = await self._host.resolved(path)
        intents = {Intent.WRITE} if writes else set()
        if pflags & FXF_READ or not writes:
            intents.add(Intent.READ)
        command, allowed = await self._commands.ask(statement, intents, shown, attrs=attrs)
        obligations = allowed.obligations
        detectors, block = obligations.masking.detectors, obligations.block
        most, room = self._visit.most_of_a_file, self._visit.room_for_files
        flags = upload_flags(pflags) if writes and block else pflags
        try:
            file = await (await self._host.client()).open(path, flags, attrs, encoding=None, block_size=0)
        except asyncssh.SFTPError as error:
            self._commands.finish(command, Outcome.FAILED, str(error))
            raise
        opened = OpenFile(
            path=shown,
            command=command,
            obligations=obligations,
            file=file,
            contents=Contents(lambda offset, size: file.read(size, offset), detectors, block),
            may_write=writes,
            appends=bool(pflags & FXF_APPEND),
            read=Way(Direction.READ, Kept((), most, room)),  # what is read has been masked
            written=Way(Direction.WRITE, Kept(detectors, most, room)),
        )
        self._open.add(opened)
        if writes and block:
            try:
                await self._commands.guard(opened, opened.begin_upload(self._turn))
            except asyncssh.SFTPError:
                await self.close(opened)
                raise
        return opened

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        opened = file_of(file_obj)
        if opened.upload is not None:
            raise asyncssh.SFTPPermissionDenied("it is open for writing")  # though at the host for both
        most = opened.obligations.bytes
        if most is not None and opened.read.digest.bytes + size > most:
            opened.limit, opened.error = "bytes", "the limit of bytes was reached"
            raise asyncssh.SFTPPermissionDenied(opened.error)
        try:
            data = await self._commands.guard(opened, opened.contents.read(offset, size))
        except Withheld:
            opened.error = "it is no text, and holds what must not leave"
            self._commands.tell(f"countersign: {opened.path}: {opened.error}")
            raise asyncssh.SFTPPermissionDenied(opened.error) from None
        opened.read.add(offset, data)
        return data

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        opened = file_of(file_obj)
        if opened.upload is not None:
            await self._commands.guard(opened, opened.upload.write(offset, data))
            return len(data)
        opened.add_written(offset, data)
        most = (await self._host.client()).limits.max_write_len
        parts = [(start, data[start : start + most]) for start in range(0, len(data), most)]
        # All are sent before the next request is looked at: where a file is appended to, their order counts.
        await asyncio.gather(*(opened.file.write(part, offset + start) for start, part in parts))
        return len(data)

    async def close(self, file_obj: object) -> None:
        opened = file_of(file_obj)
        if opened not in self._open:
            return
        self._open.discard(opened)
        outcome = Outcome.FAILED if opened.error else Outcome.UNKNOWN
        try:
            try:
                if opened.upload is not None:
                    # OpenSSH takes no notice of what fails between its writes and its close.
                    await self._commands.guard(opened, opened.settle(), fatal=True)
            finally:
                await opened.file.close()
            outcome = outcome if opened.error else Outcome.SUCCEEDED
        except asyncssh.SFTPError as error:
            opened.error = opened.error or str(error)
            outcome = Outcome.FAILED
            if not self._nobody_listens:
                raise
        finally:
            self._commands.close(opened, outcome)

    async def fstat(self, file_obj: object) -> SFTPAttrs:
        opened = file_of(file_obj)
        attrs = await opened.file.stat()
        if opened.upload is not None:
            attrs.size = max(attrs.size or 0, opened.upload.size)  # with what waits here
        return attrs

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        opened = file_of(file_obj)
        if not opened.may_write or (attrs.permissions or 0) & SETS_OWNER_OF_PROCESS:
            raise asyncssh.SFTPPermissionDenied("not with what the file was opened for")
        await self._commands.guard(opened, opened.settle())  # what is sent later would change its times
        if opened.upload is not None and attrs.size is not None:
            await self._commands.guard(opened, opened.upload.cut(attrs.size))
            attrs.size = None
        await opened.file.setstat(attrs)

    async def fsync(self, file_obj: object) -> None:
        opened = file_of(file_obj)
        await self._commands.guard(opened, opened.settle())
        await opened.file.fsync()

    async def fstatvfs(self, file_obj: object) -> SFTPVFSAttrs:
        return await file_of(file_obj).file.statvfs()

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
        shown = await self._host.resolved(path)
        command, _ = await self._commands.ask(words.LIST, {Intent.READ}, shown)
        outcome, error = Outcome.UNKNOWN, "the client stopped reading"
        try:
            async for name in (await self._host.client()).scandir(path):
                yield name
            outcome, error = Outcome.SUCCEEDED, ""
        except asyncssh.SFTPError as failed:
            outcome, error = Outcome.FAILED, str(failed)
            raise
        finally:
            self._commands.finish(command, outcome, error)

    async def realpath(self, path: bytes) -> bytes:
        """How a client finds out where it is: no command, since it tells no more than a name's other name."""
        return await (await self._host.client()).realpath(path)

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
        self._let_go()
        self._visit.forget(self._let_go)
        self._host.exit()
        if not self.channel.is_closing():
            self.channel.exit(0)  # scp takes a missing exit status for a failure

    # What they share

    def _let_go(self) -> None:
        """Nobody will close what is open."""
        while self._open:
            self._commands.close(self._open.pop(), Outcome.UNKNOWN)

    @property
    def _nobody_listens(self) -> bool:
        """Whether it is asyncssh that closes what the client left open: an error would end its connection."""
        session = self.channel._session
        return not isinstance(session, SSHStreamSession) or session.at_eof(None)

    async def _about(self, statement: str, path: bytes, method: str, *, follows: bool = True) -> Any:
        """Asks something about a name."""
        shown = await self._host.resolved(path, follows=follows)
        command, _ = await self._commands.ask(statement, {Intent.READ}, shown)
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
        first = await self._host.resolved(shown if shown is not None else path, follows=follows)
        second = await self._host.resolved(other, follows=False) if other is not None else None
        command, _ = await self._commands.ask(statement, {Intent.WRITE}, first, second, attrs=attrs)
        await self._done(command, method, path, *arguments)

    async def _done(self, command: str, method: str, *arguments: object) -> Any:
        outcome, said = Outcome.UNKNOWN, "the client left before it ended"
        try:
            answer = await getattr(await self._host.client(), method)(*arguments)
            outcome, said = Outcome.SUCCEEDED, ""
            return answer
        except asyncssh.SFTPError as error:
            outcome, said = Outcome.FAILED, str(error)
            raise
        finally:
            self._commands.finish(command, outcome, said)
