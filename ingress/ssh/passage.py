"""What passes between a client and its host under one command, in one connection or in many: bytes of any
protocol. Nothing of it is masked or recorded; it is counted, and cut at a limit.
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncssh

from ingress.command import Command
from ingress.gate import Refusal
from ingress.inquiry import Refused
from ingress.interface import Finish
from ingress.ssh.answer import PIECE
from ingress.ssh.visit import Visit
from ingress.terminal.obligations import unkept
from schemas.vocabulary import Obligations, Outcome

Reader = asyncssh.SSHReader[bytes]
Writer = asyncssh.SSHWriter[bytes]
Ends = tuple[Reader, Writer]


async def permitted(visit: Visit, command: Command, tell: Callable[[str], None]) -> "Passage":
    """The command's passage, released. Raises Refused."""
    allowed = await visit.ask(command, tell)
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
    return Passage(visit, command, allowed.obligations)


class AtLimit(Exception):
    """As many bytes came as may."""


class Passage:
    """One command's bytes."""

    def __init__(self, visit: Visit, command: Command, obligations: Obligations) -> None:
        self._visit = visit
        self._command = command
        self._obligations = obligations
        self._bytes = 0  # that came from the host
        self._limit = ""

    async def run(self, work: Awaitable[None], *, outlasts_client: bool = True) -> None:
        """`work`, within the command's limits. Whatever happens is reported, once. `outlasts_client`: when
        the client leaves, it is not known what became of it."""
        outcome, error = Outcome.UNKNOWN, "the client left before it ended"
        if not outlasts_client:
            outcome, error = Outcome.SUCCEEDED, ""
        try:
            async with asyncio.timeout(self._obligations.seconds):
                await work
            outcome, error = Outcome.SUCCEEDED, ""
        except TimeoutError:
            self._limit = "time"
        except AtLimit:
            self._limit = "bytes"
        except (asyncssh.Error, OSError) as failure:
            outcome, error = Outcome.FAILED, str(failure)
        finally:
            if self._limit:
                outcome, error = Outcome.FAILED, f"stopped at its limit of {self._limit}"
            self.report(outcome, error)

    async def join(self, client: Ends, host: Ends) -> None:
        """One connection, both ways, until both ends are done. Raises AtLimit."""
        try:
            await asyncio.gather(_pump(client[0], host[1]), self._answer(host[0], client[1]))
        finally:
            host[1].close()
            client[1].close()

    def report(self, outcome: Outcome, error: str) -> None:
        """The command ended, or could not begin."""
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
                raise AtLimit
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _pump(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
