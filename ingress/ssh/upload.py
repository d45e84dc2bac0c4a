"""A file that is written under a rule that blocks: it reaches the host once it has been looked into.

It is written in order, from its beginning or from its end on, so that what stands at the host can be taken
back. The end of what came waits until more comes or the file is closed. Before anything is sent, what will
stand around it is read from the open file itself: so two writers of one file, under whatever names, write no
value together that neither of them writes (docs/decisions/0049-what-a-rule-blocks.md).
"""

import asyncio
import stat
from collections.abc import Callable

import asyncssh
from asyncssh import FXF_APPEND, FXF_READ, FXF_WRITE, SFTPAttrs

from ingress.ssh.contents import AROUND, fetch_all
from ingress.terminal.guard import Blocked
from processors.masking.finding import Finder

_STEP = 64 * 1024  # bytes that are sent together
_NOT_REGULAR = "it is no regular file, so that it could not be looked into"
_NOT_IN_ORDER = (
    "it is not written in order, from its beginning or end on, so that it could not be looked into"
)
_OTHER_SIZE = "it is given another size than what was written has, so that it could not be looked into"
_CHANGED = "somebody else changed it meanwhile, so that it could not be looked into"


class Uninspected(Exception):
    """It is written in a way in which it cannot be looked into; the message says why."""


class Upload:
    """One open file. `turn`: held by whoever writes to this host under such a rule. `passed(offset, data)`:
    what went to the host. `stays`: once it was ended, what is left of it there, in words."""

    def __init__(
        self,
        file: asyncssh.SFTPClientFile,
        start: int,
        finder: Finder,
        turn: asyncio.Lock,
        passed: Callable[[int, bytes], None],
        *,
        appends: bool,
    ) -> None:
        self._file = file
        self._start = start  # as long it becomes where nothing of this may stay
        self._end = start  # of what is at the host
        self._kept = bytearray()
        self._finder = finder
        self._turn = turn
        self._passed = passed
        self._appends = appends
        self.stays = ""

    @property
    def size(self) -> int:
        """How long the file is, with what waits here."""
        return self._end + len(self._kept)

    async def write(self, offset: int, data: bytes) -> None:
        """Where it appends, no offset counts. Raises Blocked, Uninspected, SFTPError."""
        if not self._appends and offset == 0 and self.size == self._start:
            self._start = self._end = 0  # over what is there
        if not self._appends and offset != self.size:
            await self._refuse(_NOT_IN_ORDER)
        self._kept += data
        if len(self._kept) >= AROUND + _STEP:
            await self._send(len(self._kept) - AROUND)

    async def settle(self) -> None:
        """Sends all that waits. Raises Blocked, Uninspected, SFTPError."""
        if self._kept:
            await self._send(len(self._kept))

    async def cut(self, size: int) -> None:
        """The file is to end where what was written ends. Raises Blocked, Uninspected, SFTPError."""
        await self.settle()
        if size != self._end:
            await self._refuse(_OTHER_SIZE)
        async with self._turn:
            before, after = await self._around(0)
            if after and (found := self._finder.find(before, max(0, len(before) - 1), len(before))):
                await self._take_back()
                raise Blocked(found)
            await self._file.setstat(SFTPAttrs(size=size))

    async def _refuse(self, why: str) -> None:
        async with self._turn:
            await self._around(0)
            await self._take_back()
        raise Uninspected(why)

    async def _send(self, count: int) -> None:
        async with self._turn:
            before, after = await self._around(count)
            begin, end = len(before), len(before) + count
            leaving = bytes(self._kept[:count])
            found = self._finder.find(before + self._kept, begin, end)
            if after:  # of an older file: it stands behind this until more comes
                found |= self._finder.find(before + leaving + after, begin, end)
            if found:
                await self._take_back()
                raise Blocked(found)
            for start in range(0, count, _STEP):
                await self._file.write(leaving[start : start + _STEP], self._end + start)
            self._passed(self._end, leaving)
            self._end += count
            del self._kept[:count]

    async def _around(self, count: int) -> tuple[bytes, bytes]:
        """What stands at the host before the end, and behind `count` bytes more. Raises Uninspected."""
        begin = max(0, self._end - AROUND)
        length = self._end - begin
        image = await fetch_all(
            lambda offset, size: self._file.read(size, offset), begin, length + count + AROUND
        )
        is_longer = (self._appends or self._start > 0) and len(image) > length
        if len(image) < length or is_longer:
            self.stays = "It stays as it is there."
            raise Uninspected(_CHANGED)
        return image[:length], image[length + count :]

    async def _take_back(self) -> None:
        """The host's file becomes as long as it was when it was opened."""
        try:
            await self._file.setstat(SFTPAttrs(size=self._start))
        except asyncssh.SFTPError:
            self.stays = f"Its first {self._end} bytes stay there, in which nothing was found."
        else:
            self.stays = "It is as it was before there." if self._start else "It is empty there now."


def upload_flags(pflags: int) -> int:
    """How the host opens what a client opens with these flags: what it ends with must be read."""
    return (pflags | FXF_READ | FXF_WRITE) & ~FXF_APPEND


async def begin_upload(
    file: asyncssh.SFTPClientFile,
    block: tuple[str, ...],
    turn: asyncio.Lock,
    passed: Callable[[int, bytes], None],
    *,
    appends: bool,
) -> Upload:
    """The upload into this file, opened at the host with `upload_flags`. Raises Uninspected, SFTPError."""
    attrs = await file.stat()
    if attrs.size is None or not stat.S_ISREG(attrs.permissions or 0):
        raise Uninspected(_NOT_REGULAR)
    return Upload(file, attrs.size, Finder(block), turn, passed, appends=appends)
