"""A connection that the client wants made from the host (local and dynamic forwarding, RFC 4254, 7.2): a
command, with the place it leads to. What passes is bytes of any protocol: nothing of it is masked.
"""

import asyncio
import re
from collections.abc import Callable

import asyncssh
from asyncssh.stream import SSHTCPStreamSession

from ingress.command import Command
from ingress.gate import Refusal
from ingress.inquiry import Refused
from ingress.interface import Finish
from ingress.ssh.answer import PIECE
from ingress.ssh.refusal import refusal_line
from ingress.ssh.visit import ClientGone, Visit
from ingress.ssh.words import FORWARD
from ingress.terminal.obligations import unkept
from schemas.vocabulary import Facts, Intent, Obligations, Outcome

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,255}")

Reader = asyncssh.SSHReader[bytes]
Writer = asyncssh.SSHWriter[bytes]


async def forward(
    visit: Visit, host: str, port: int, ended: Callable[[], None]
) -> SSHTCPStreamSession[bytes]:
    """The client's end of a connection to `host`, once it may be and is made. Raises ChannelOpenError.

    `ended` is called when one that was made has ended.
    """
    if not _HOST.fullmatch(host):
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "that is no host")
    where = f"{host}:{port}"
    facts = Facts(intents=(Intent.EXPORT, Intent.NETWORK), statements=(FORWARD,), paths=(where,))
    command = visit.judge.operation(f"forward {where}", facts, {})
    obligations = await _ask(visit, command)
    passage = _Passage(visit, command, obligations)
    try:
        reader, writer = await visit.target.open_connection(host, port)
    except (asyncssh.Error, OSError) as error:
        passage.report(Outcome.FAILED, f"the host does not connect to {where}: {error}")
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(error)) from error

    async def serve(from_client: Reader, to_client: Writer) -> None:
        try:
            await visit.serve(
                passage.go(from_client, to_client, reader, writer), to_client.channel.wait_closed()
            )
        except (ClientGone, asyncio.CancelledError):
            pass  # the passage has said what became of it
        finally:
            ended()

    return SSHTCPStreamSession(serve)


async def _ask(visit: Visit, command: Command) -> Obligations:
    """Raises ChannelOpenError, with the refusal as its reason."""
    try:
        allowed = await visit.ask(command, lambda said: None)
        refusal = unkept(allowed.obligations, command)
        if refusal is None and allowed.obligations.rows is not None:
            refusal = Refusal(
                message="the rule that allows it has a limit of rows, and a connection has none",
                hint="Nothing was executed. Tell whoever keeps the gateway's rules.",
            )
        if refusal is not None:
            visit.abandon(command.id, refusal.message)
            raise Refused(refusal)
        visit.release(command.id)
    except Refused as refused:
        said = refusal_line(command.id, refused.refusal)
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, said) from refused
    except ClientGone as gone:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(gone)) from gone
    return allowed.obligations


class _AtLimit(Exception):
    """As many bytes came as may."""


class _Passage:
    """The bytes of one connection."""

    def __init__(self, visit: Visit, command: Command, obligations: Obligations) -> None:
        self._visit = visit
        self._command = command
        self._obligations = obligations
        self._bytes = 0  # that came from the host
        self._limit = ""

    async def go(self, from_client: Reader, to_client: Writer, from_host: Reader, to_host: Writer) -> None:
        """Both ways, until both ends are done or a limit is reached. Whatever happens is reported, once."""
        outcome, error = Outcome.UNKNOWN, "the client left before it ended"
        try:
            async with asyncio.timeout(self._obligations.seconds):
                await asyncio.gather(_pump(from_client, to_host), self._answer(from_host, to_client))
            outcome, error = Outcome.SUCCEEDED, ""
        except TimeoutError:
            self._limit = "time"
        except _AtLimit:
            self._limit = "bytes"
        except (asyncssh.Error, OSError) as failure:
            outcome, error = Outcome.FAILED, str(failure)
        finally:
            to_host.close()
            to_client.close()
            if self._limit:
                outcome, error = Outcome.FAILED, f"stopped at its limit of {self._limit}"
            self.report(outcome, error)

    def report(self, outcome: Outcome, error: str) -> None:
        """The connection ended, or was not made."""
        self._visit.finish(
            Finish(
                command=self._command.id,
                outcome=outcome,
                rows=0,
                bytes=self._bytes,
                error_code=self._limit,
                error=error,
                masked=(),
                limit=self._limit,
                limit_rule=self._obligations.rule_of(self._limit),
            )
        )

    async def _answer(self, reader: Reader, writer: Writer) -> None:
        most = self._obligations.bytes
        while data := await reader.read(PIECE):
            self._bytes += len(data)
            if most is not None and self._bytes > most:
                raise _AtLimit
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _pump(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
