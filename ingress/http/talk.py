"""What is said over an open WebSocket: each message masked for itself and recorded, until somebody closes."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from ingress.errors import ProtocolError
from ingress.interface import Finish, Frame
from ingress.web.answers.counting import Uninspectable
from ingress.web.answers.inspect import Inspection
from ingress.web.limits import LimitReached, keep_limits
from ingress.web.visits import Visit
from ingress.web.websocket import (
    BAD_GATEWAY,
    GOING_AWAY,
    NO_CODE,
    REFUSED,
    WRONG,
    Closing,
    Message,
    WebSocket,
)
from schemas.vocabulary import Obligations, Outcome

_SHOWN = 64 * 1024  # bytes of a message that the recording keeps; of a longer one, only its size


@dataclass(frozen=True, slots=True)
class _Ending:
    """What each side is told. `error`: for the audit log, where nobody closed of their own will."""

    client: Closing
    target: Closing
    error: str = ""
    limit: str = ""


class Talk:
    """One WebSocket. `target`: the API's side of it."""

    def __init__(
        self, target: WebSocket, inspection: Inspection, obligations: Obligations, visit: Visit
    ) -> None:
        self._target = target
        self._inspection = inspection
        self._obligations = obligations
        self._visit = visit
        self._messages = 0  # that the client got
        self._bytes = 0
        gone = Closing(GOING_AWAY, "the client is gone")
        self._ending = _Ending(gone, gone, "the client left before it was open")

    async def run(self, client: WebSocket, shown: Callable[[bytes], str]) -> None:
        """Until either side closes, a limit is reached, or the session is ended. `shown`: a message of the
        client's as the recording may have it."""
        there = asyncio.ensure_future(self._listen(client, shown))
        back = asyncio.ensure_future(self._answer(client))
        try:
            async with asyncio.timeout(self._obligations.seconds):
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            self._ending = (there if there.done() else back).result()
        except TimeoutError:
            self._ending = self._stopped(LimitReached("time", self._obligations.seconds or 0))
        except asyncio.CancelledError:
            ended = self._visit.ended
            why = Closing(REFUSED, ended) if ended else Closing(GOING_AWAY, "the gateway is stopping")
            self._ending = _Ending(why, Closing(GOING_AWAY), why.reason)
            raise
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            await asyncio.gather(client.end(self._ending.client), self._target.end(self._ending.target))

    def report(self, command: str) -> Finish:
        """How it went. That it was opened is what the command asked for."""
        ending = self._ending
        return Finish(
            command=command,
            outcome=Outcome.FAILED if ending.limit else Outcome.SUCCEEDED,
            rows=self._messages,
            bytes=self._bytes,
            error_code=str(ending.client.code) if ending.error else "",
            error=ending.error,
            masked=self._inspection.counts.masked(),
            limit=ending.limit,
            limit_rule=self._obligations.rule_of(ending.limit),
        )

    async def _listen(self, client: WebSocket, shown: Callable[[bytes], str]) -> _Ending:
        try:
            async with contextlib.aclosing(client.messages()) as messages:
                async for message in messages:
                    self._visit.inquiry.record(Frame.COMMAND, shown(message.data).encode())
                    if not await _is_passed_on(message, self._target):
                        return _API_GONE
                    await self._visit.room()
        except ProtocolError as error:
            return _Ending(Closing(WRONG), Closing(GOING_AWAY), f"the client sent {error}")
        except OSError:
            return _CLIENT_GONE
        closed = client.closed or Closing(NO_CODE)
        return _Ending(closed, closed)

    async def _answer(self, client: WebSocket) -> _Ending:
        try:
            async with contextlib.aclosing(self._target.messages()) as messages:
                async for message in messages:
                    masked = Message(self._masked(message), message.is_text)
                    self._record(masked)
                    if not await _is_passed_on(masked, client):
                        return _CLIENT_GONE
                    await self._visit.room()
        except LimitReached as reached:
            return self._stopped(reached)
        except Uninspectable as hidden:
            why = f"a message was withheld: {hidden}"
            return _Ending(Closing(REFUSED, why), Closing(GOING_AWAY), why)
        except ProtocolError as error:
            return _Ending(Closing(BAD_GATEWAY), Closing(WRONG), f"the API sent {error}")
        except OSError:
            return _API_GONE
        closed = self._target.closed or Closing(NO_CODE)
        reason = self._inspection.texts.redact(closed.reason.encode()).decode(errors="replace")
        return _Ending(Closing(closed.code, reason), closed)

    def _masked(self, message: Message) -> bytes:
        """What of it may leave. Raises Uninspectable, LimitReached."""
        shown = self._inspection.message(message.data, is_text=message.is_text)
        self._messages += 1
        self._bytes += len(shown)
        keep_limits(self._obligations, self._messages, self._bytes)
        return shown

    def _record(self, message: Message) -> None:
        data = message.data
        is_kept = message.is_text and len(data) <= _SHOWN
        self._visit.record((data if is_kept else f"‹{len(data)} bytes›".encode()) + b"\n")

    def _stopped(self, reached: LimitReached) -> _Ending:
        rule = self._obligations.rule_of(reached.limit)
        said = f'stopped by rule "{rule}" at {reached}'
        return _Ending(Closing(REFUSED, said), Closing(GOING_AWAY), said, reached.limit)


_CLIENT_GONE = _Ending(Closing(GOING_AWAY), Closing(GOING_AWAY, "the client is gone"), "the client left")
_API_GONE = _Ending(
    Closing(BAD_GATEWAY, "the API closed the connection"),
    Closing(GOING_AWAY),
    "the API closed the connection without closing the WebSocket",
)


async def _is_passed_on(message: Message, to: WebSocket) -> bool:
    """False where nobody is there to take it."""
    try:
        await to.pass_on(message)
    except OSError:
        return False
    return True
