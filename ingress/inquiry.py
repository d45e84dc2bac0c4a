"""For protocols whose library does the I/O itself (asyncssh, aiohttp): a coroutine asks for the verdict on a
command and awaits it.

It is the session's conversation, without bytes: what the client sends and what the target answers goes past
it, and only what policy and audit need comes by.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ingress.command import Command
from ingress.gate import Allowed, Refusal, Revoked, Waiting
from ingress.interface import Abandon, AskBeside, Close, Finish, Frame, Narrow, Record, Request, Submit
from ingress.session import Hands, Session


class Refused(Exception):
    """The command does not run; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def hands_off(pressure: Callable[[], None]) -> Hands:
    """What a session can do where the connection's bytes go past it: tell of its recording's `pressure`."""

    async def no_catalogue() -> None:
        """There is none to read."""

    async def not_asked(asked: AskBeside) -> None:
        """Nothing is asked so."""

    async def not_narrowed(asked: Narrow) -> None:
        """Nothing is asked so."""

    return Hands(
        write_client=lambda pieces: None,
        write_target=lambda pieces: None,
        close=lambda: None,
        cancel_target=lambda: None,
        read_catalogue=no_catalogue,
        ask_beside=not_asked,
        narrow=not_narrowed,
        pressure=pressure,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    answer: asyncio.Future[Allowed]
    on_waiting: Callable[[Waiting], None]
    on_still_waiting: Callable[[Waiting], None] | None


class Inquiry:
    """One session's commands. `on_end` is called once, with the reason, when the session must end; what the
    client is told of it, and closing its connection, is the protocol's."""

    def __init__(self, on_end: Callable[[str], None]) -> None:
        self._on_end = on_end
        self._session: Session | None = None
        self._requests: list[Request] = []
        self._asked: dict[str, _Asked] = {}
        self._ended = False

    def begin(self, session: Session) -> None:
        """Opens the session."""
        self._session = session
        session.open(self)

    async def ask(
        self,
        command: Command,
        on_waiting: Callable[[Waiting], None],
        on_still_waiting: Callable[[Waiting], None] | None = None,
    ) -> Allowed:
        """Returns once the command may run; `release` it right before it does. Raises Refused.

        `on_waiting` is called when a reviewer has to decide, `on_still_waiting` at intervals after that. When
        the caller is cancelled, the command is withdrawn.
        """
        answer: asyncio.Future[Allowed] = asyncio.get_running_loop().create_future()
        self._asked[command.id] = _Asked(answer, on_waiting, on_still_waiting)
        self._do(Submit(command))
        try:
            return await answer
        except asyncio.CancelledError:
            self._do(Abandon(command.id, "the client left"))
            raise
        finally:
            self._asked.pop(command.id, None)

    def release(self, command: str) -> None:
        """The last word before the command goes to its target. Raises Refused."""
        assert self._session is not None
        if (refused := self._session.release([command])) is not None:
            raise Refused(refused[1])

    def abandon(self, command: str, reason: str) -> None:
        """A command that may run will not be sent to its target."""
        self._do(Abandon(command, reason))

    def finish(self, finish: Finish) -> None:
        """A command that was released ended."""
        self._do(finish)

    def record(self, frame: Frame, data: bytes) -> None:
        """Puts this, masked, into the session's recording."""
        self._do(Record(frame, data))

    def close(self, reason: str) -> None:
        """The session is over: nobody asks any more."""
        self._ended = True
        for command in list(self._asked):
            self._requests.append(Abandon(command, reason))
        self._do(Close(reason))

    # What the session tells its conversation.

    def waiting(self, command: str, waiting: Waiting) -> None:
        if (asked := self._asked.get(command)) is not None:
            asked.on_waiting(waiting)

    def still_waits(self, command: str, waiting: Waiting) -> None:
        asked = self._asked.get(command)
        if asked is not None and asked.on_still_waiting is not None:
            asked.on_still_waiting(waiting)

    def allowed(self, command: str, allowed: Allowed) -> None:
        if (asked := self._asked.get(command)) is not None and not asked.answer.done():
            asked.answer.set_result(allowed)
        else:
            self._requests.append(Abandon(command, "the client left"))

    def refused(self, command: str, refusal: Refusal) -> None:
        if (asked := self._asked.get(command)) is not None and not asked.answer.done():
            asked.answer.set_exception(Refused(refusal))

    def revoked(self, command: str, revoked: Revoked) -> None:
        """What runs is stopped with its session."""
        self.end(f"the session is over: {revoked.words}")

    def end(self, message: str) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(message)

    def requests(self) -> list[Request]:
        found, self._requests = self._requests, []
        return found

    def data_for_client(self) -> list[bytes]:
        return []

    def data_for_target(self) -> list[bytes]:
        return []

    @property
    def wants_client_data(self) -> bool:
        return True

    def client_data(self, data: bytes) -> None:
        """Bytes go past it."""

    def target_data(self, data: bytes) -> None:
        """Bytes go past it."""

    def cancel(self) -> None:
        """The protocol cancels the coroutine that asks."""

    def cancel_sent(self) -> None:
        """It never asks the session to cancel."""

    def time_is_up(self, command: str, turn: int) -> None:
        """The protocol keeps its own time."""

    def client_left(self, reason: str) -> None:
        """The protocol calls `close`."""

    def _do(self, request: Request) -> None:
        assert self._session is not None
        self._requests.append(request)
        self._session.work()
