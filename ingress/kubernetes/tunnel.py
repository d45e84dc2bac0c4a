"""A forwarded port: what goes through it is the client's and the pod's own business, and is only counted.

KEP-4006: the SPDY frames of a port-forward travel in the binary messages of a WebSocket.
"""

import asyncio
import contextlib

from ingress.command import Command
from ingress.errors import ProtocolError
from ingress.gate import Allowed
from ingress.interface import Finish, Frame
from ingress.web.visits import Visit
from ingress.web.websocket import GOING_AWAY, NORMAL, WebSocket
from schemas.vocabulary import Obligations, Outcome


class Tunnel:
    """One connection with its ports, from its release to its end."""

    def __init__(self, client: WebSocket, target: WebSocket, command: Command, visit: Visit) -> None:
        self._client = client
        self._target = target
        self._command = command
        self._visit = visit
        self._there = 0
        self._back = 0
        self._limit = ""

    async def run(self, allowed: Allowed) -> None:
        """Until either side closes, or a limit is reached. Its end is reported, whatever happens."""
        obligations = allowed.obligations
        there = asyncio.ensure_future(self._carry(self._client, self._target, None))
        back = asyncio.ensure_future(self._carry(self._target, self._client, obligations.bytes))
        try:
            async with asyncio.timeout(obligations.seconds):
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            self._limit = "time"
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            for wire in (self._client, self._target):
                with contextlib.suppress(OSError):
                    await wire.close(GOING_AWAY if self._limit else NORMAL)
            self._report(obligations)

    async def _carry(self, source: WebSocket, sink: WebSocket, most: int | None) -> None:
        with contextlib.suppress(OSError, ProtocolError):
            async for message in source.binary():
                if source is self._target:
                    self._back += len(message)
                    if most is not None and self._back > most:
                        self._limit = "bytes"
                        return
                else:
                    self._there += len(message)
                await sink.send(message)

    def _report(self, obligations: Obligations) -> None:
        said = f"{self._there} bytes to the pod, {self._back} bytes from it"
        self._visit.inquiry.record(Frame.NOTE, said.encode())
        self._visit.inquiry.finish(
            Finish(
                command=self._command.id,
                outcome=Outcome.FAILED if self._limit else Outcome.SUCCEEDED,
                rows=0,
                bytes=self._back,
                error_code=self._limit,
                error=f"stopped at its limit of {self._limit}" if self._limit else "",
                masked=(),
                limit=self._limit,
                limit_rule=obligations.rule_of(self._limit),
            )
        )
