"""A file that a client has open: what is read and written belongs to the command that opened it."""

import os
import sys
from dataclasses import dataclass, field

import asyncssh

from ingress.ssh.contents import Contents, Digest


@dataclass(slots=True, eq=False)
class OpenFile:
    """`command`: the one that opened it."""

    path: str
    command: str
    file: asyncssh.SFTPClientFile
    contents: Contents
    may_write: bool
    most: int | None  # bytes that may be read
    read: Digest = field(default_factory=Digest)
    written: Digest = field(default_factory=Digest)
    error: str = ""

    @property
    def digest(self) -> Digest:
        """Of what it was opened for."""
        return self.written if self.may_write else self.read

    def seek(self, offset: int, whence: int) -> int:
        """asyncssh asks where there is data, for clients that leave out the holes of a file: everywhere."""
        return offset if whence == os.SEEK_DATA else sys.maxsize


def file_of(file_obj: object) -> OpenFile:
    """The file of a handle. Raises SFTPInvalidHandle."""
    if not isinstance(file_obj, OpenFile):
        raise asyncssh.SFTPInvalidHandle("not a file that is open")
    return file_obj
