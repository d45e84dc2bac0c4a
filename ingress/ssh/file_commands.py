"""The commands of one channel's SFTP and SCP: asked about, and reported when they ended."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar

import asyncssh
from asyncssh import SFTPAttrs

from ingress.command import Command
from ingress.gate import Allowed
from ingress.inquiry import Refused
from ingress.interface import Finish
from ingress.ssh.open_file import Ended, OpenFile
from ingress.ssh.operations import operation_facts, operation_text, unguardable
from ingress.ssh.refusal import blocked, refusal_line, uninspected
from ingress.ssh.transfers import Transfer, make_frames
from ingress.ssh.upload import Uninspected
from ingress.ssh.visit import ClientGone, Visit
from ingress.terminal.guard import Blocked
from ingress.terminal.obligations import unkept
from schemas.vocabulary import Intent, MaskedField, Outcome

T = TypeVar("T")
_STDERR = 1  # SSH_EXTENDED_DATA_STDERR (RFC 4254, 5.2)


class FileCommands:
    """`channel`: the client's."""

    def __init__(self, visit: Visit, channel: "asyncssh.SSHServerChannel[bytes]") -> None:
        self._visit = visit
        self._channel = channel

    async def ask(
        self,
        statement: str,
        intents: set[Intent],
        *paths: str | None,
        attrs: SFTPAttrs | None = None,
    ) -> tuple[str, Allowed]:
        """The command's id, released, and its verdict. Raises SFTPPermissionDenied."""
        named = [path for path in paths if path is not None]
        facts = operation_facts(statement, intents, named, attrs)
        text = operation_text(statement, named, attrs)
        command = self._visit.judge.operation(text, facts, self._said())
        try:
            allowed = await self._verdict(self._asked(command))
            refusal = unkept(allowed.obligations, command, guarded=True)
            if refusal is None and allowed.obligations.block and (reason := unguardable(facts, attrs)):
                refusal = uninspected(allowed.obligations, f"{reason}, and could not be looked into")
            if refusal is not None:
                self._visit.abandon(command.id, refusal.message)
                raise Refused(refusal)
            self._visit.release(command.id)
        except Refused as refused:
            self.tell(refusal_line(command.id, refused.refusal))
            raise asyncssh.SFTPPermissionDenied(refused.refusal.message) from None
        return command.id, allowed

    async def _asked(self, command: Command) -> Allowed:
        await self._visit.recording_has_room()  # for what the file's recording will take
        return await self._visit.ask(command, self.tell)

    async def _verdict(self, asking: Coroutine[Any, Any, Allowed]) -> Allowed:
        """Awaits it, unless the client closes the channel."""
        waiting = asyncio.ensure_future(asking)
        closed = asyncio.ensure_future(self._channel.wait_closed())
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

    async def guard(self, opened: OpenFile, doing: Coroutine[Any, Any, T], *, fatal: bool = False) -> T:
        """What goes through the file, until a rule or the host ends it. Raises SFTPError. `fatal`: so that
        scp's own protocol ends with it."""
        try:
            opened.check(fatal=fatal)
            return await doing
        except (Blocked, Uninspected) as error:
            raise self._end(opened, error, fatal=fatal) from None
        except asyncssh.SFTPError as error:
            if opened.may_write:
                opened.end(opened.error or str(error))
            raise
        finally:
            doing.close()

    def _end(self, opened: OpenFile, why: Blocked | Uninspected, *, fatal: bool) -> Ended:
        """The client is told why nothing more goes through the file."""
        stays = "It stays as it is there." if opened.may_write else "What stood before it has left."
        if opened.upload is not None:
            stays = opened.upload.stays
        if isinstance(why, Blocked):
            opened.limit, opened.blocked = why.limit, why.found
            refusal = blocked(opened.obligations, why, stays)
        else:
            refusal = uninspected(opened.obligations, str(why), stays)
        opened.end(refusal.message)
        path = self._visit.judge.shown(opened.path)
        self.tell(refusal_line(opened.command, replace(refusal, message=f"{path}: {refusal.message}")))
        return Ended(
            f'{path}: refused by rule "{refusal.rule}": {refusal.message}. {refusal.hint}', fatal=fatal
        )

    def close(self, opened: OpenFile, outcome: Outcome) -> None:
        """What was opened is done with."""
        for way in opened.ways:
            parts = way.kept.release()
            transfer = Transfer(
                command=opened.command,
                path=self._visit.judge.shown(opened.path),
                direction=way.direction,
                bytes=way.digest.bytes,
                sha256=way.digest.sha256,
                recorded=sum(len(data) for _, data in parts),
            )
            for frame in make_frames(transfer, parts):
                self._visit.transferred(frame)
        count = opened.main.digest.bytes
        masked = [MaskedField(f"detector:{name}", name, n) for name, n in opened.contents.masked.items()]
        masked += [MaskedField(f"detector:{name}", "block", n) for name, n in opened.blocked.items()]
        self.finish(opened.command, outcome, opened.error, count, masked, opened.limit, opened.rule)

    def finish(
        self,
        command: str,
        outcome: Outcome,
        error: str,
        count: int = 0,
        masked: Iterable[MaskedField] = (),
        limit: str = "",
        rule: str = "",
    ) -> None:
        """A command ended. `count`: bytes; `limit`: at which it was ended, by `rule`."""
        self._visit.finish(
            Finish(
                command=command,
                outcome=outcome,
                rows=0,
                bytes=count,
                error_code="",
                error=error,
                masked=tuple(sorted(masked, key=attrgetter("field", "mask"))),
                limit=limit,
                limit_rule=rule,
            )
        )

    def _said(self) -> Mapping[str, str]:
        return {
            name: value for name, value in self._channel.get_environment().items() if isinstance(value, str)
        }

    def tell(self, said: str) -> None:
        """On the client's stderr."""
        self._visit.say(said + "\n")
        self._channel.write(said.encode() + b"\n", _STDERR)
