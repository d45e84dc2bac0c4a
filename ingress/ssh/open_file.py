"""A file that a client has open: what is read and written belongs to the command that opened it."""

import asyncio
import os
import sys
from collections import Counter
from dataclasses import dataclass, field

import asyncssh

from ingress.ssh.contents import Contents, Digest
from ingress.ssh.kept import Kept
from ingress.ssh.transfers import Direction
from ingress.ssh.upload import Upload, begin_upload
from schemas.vocabulary import Obligations


class Ended(asyncssh.SFTPPermissionDenied):
    """A rule ended what went through a file. `fatal` (asyncssh reads it): ends scp's own protocol, too."""

    def __init__(self, reason: str, *, fatal: bool) -> None:
        super().__init__(reason)
        self.fatal = fatal


@dataclass(slots=True)
class Way:
    """What went through in one direction. `kept`: of it for the recording."""

    direction: Direction
    kept: Kept
    digest: Digest = field(default_factory=Digest)

    def add(self, offset: int, data: bytes) -> None:
        """These bytes, at this offset in the file."""
        self.digest.add(offset, data)
        self.kept.add(offset, data)


@dataclass(slots=True, eq=False)
class OpenFile:
    """`command`: the one that opened it; `obligations`: under which it was. `upload`: where what is written
    to it is looked into. `blocked`: what was found that must not pass, by name."""

    path: str
    command: str
    obligations: Obligations
    file: asyncssh.SFTPClientFile
    contents: Contents
    may_write: bool
    appends: bool
    read: Way
    written: Way
    upload: Upload | None = None
    error: str = ""
    limit: str = ""  # at which it was ended
    is_over: bool = False  # nothing more goes through it
    blocked: Counter[str] = field(default_factory=Counter)

    def end(self, error: str) -> None:
        """Nothing more goes through it, and why."""
        self.error, self.is_over = error, True

    def check(self, *, fatal: bool = False) -> None:
        """Raises Ended where it is over."""
        if self.is_over:
            raise Ended(self.error, fatal=fatal)

    @property
    def rule(self) -> str:
        """Which ended it."""
        return self.obligations.rule_of(self.limit)

    @property
    def main(self) -> Way:
        """What it was opened for."""
        return self.written if self.may_write else self.read

    @property
    def ways(self) -> list[Way]:
        """Those that it was opened for, or that something went."""
        return [way for way in (self.read, self.written) if way is self.main or way.digest.bytes]

    async def begin_upload(self, turn: asyncio.Lock) -> None:
        """From here on what is written is looked into. Raises Uninspected, SFTPError."""
        block = self.obligations.block
        self.upload = await begin_upload(self.file, block, turn, self.add_written, appends=self.appends)

    async def settle(self) -> None:
        """Sends what waits to be written. Raises Blocked, Uninspected, SFTPError."""
        if self.upload is not None:
            await self.upload.settle()

    def add_written(self, offset: int, data: bytes) -> None:
        """What the client writes. Where it appends, the host heeds no offset (draft-ietf-secsh-filexfer-02,
        section 6.3, SSH_FXF_APPEND): bytes stand where those before them end."""
        self.written.add(self.written.digest.bytes if self.appends else offset, data)

    def seek(self, offset: int, whence: int) -> int:
        """asyncssh asks where there is data, for clients that leave out the holes of a file: everywhere."""
        return offset if whence == os.SEEK_DATA else sys.maxsize


def file_of(file_obj: object) -> OpenFile:
    """The file of a handle. Raises SFTPInvalidHandle."""
    if not isinstance(file_obj, OpenFile):
        raise asyncssh.SFTPInvalidHandle("not a file that is open")
    return file_obj
