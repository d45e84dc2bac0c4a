"""One signed-in client: the host behind it, and the session in which its commands are judged."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncssh

from ingress.command import Command
from ingress.errors import IngressError
from ingress.gate import Allowed, Waiting
from ingress.inquiry import Inquiry, Refused
from ingress.interface import Finish, Frame
from ingress.session import Services
from ingress.ssh.channels import Channels
from ingress.ssh.judge import Judge
from ingress.ssh.kept import Room
from ingress.ssh.refusal import CANCELLED, decided_text, refusal_text, still_waiting_text, waiting_text
from ingress.terminal.cast import MARKER, OUTPUT, make_event

T = TypeVar("T")
_MOST_KEPT = 8 * 1024 * 1024  # bytes of open files at once


class ClientGone(IngressError):
    """The client closed the channel, or its connection."""


class Visit:
    """`link(approval)`: where a reviewer finds it. `room`: set while the recording takes more. `channels`:
    the client's. `most_of_a_file`: bytes that the recording has of each. `tell`, where it is asked for: the
    client's stderr."""

    def __init__(
        self,
        judge: Judge,
        inquiry: Inquiry,
        services: Services,
        target: asyncssh.SSHClientConnection,
        link: Callable[[str], str],
        room: asyncio.Event,
        channels: Channels,
        most_of_a_file: int,
    ) -> None:
        self.judge = judge
        self.target = target
        self.channels = channels
        self.most_of_a_file = most_of_a_file
        self.room_for_files = Room(_MOST_KEPT)
        self._inquiry = inquiry
        self._services = services
        self._link = link
        self._room = room
        self._began = asyncio.get_running_loop().time()
        self._channels: set[asyncio.Task[None]] = set()
        self._asking: set[asyncio.Task[Any]] = set()
        self._before_leaving: set[Callable[[], None]] = set()
        self._is_over = False

    async def serve(self, work: Awaitable[None], closed: Awaitable[None]) -> None:
        """One channel's work, which ends when its client closes the channel."""
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(closed)
        self._channels.add(task)
        watch.add_done_callback(lambda _: task.cancel())
        try:
            await task
        finally:
            self._channels.discard(task)
            watch.cancel()

    def hold(self, closed: Coroutine[Any, Any, None]) -> None:
        """A channel that is served elsewhere, until it is closed."""
        task = asyncio.create_task(closed)
        self._channels.add(task)
        task.add_done_callback(self._channels.discard)

    def before_leaving(self, do: Callable[[], None]) -> None:
        """What is done when the client leaves, as the last of its session."""
        self._before_leaving.add(do)

    def forget(self, do: Callable[[], None]) -> None:
        """It need not be done any more."""
        self._before_leaving.discard(do)

    async def ask(self, command: Command, tell: Callable[[str], None]) -> Allowed:
        """Returns once the command may run. Raises Refused."""
        if self._is_over:
            raise ClientGone("the client left")
        self._inquiry.record(Frame.COMMAND, command.text.encode())
        self.mark(command.text)

        def on_waiting(waiting: Waiting) -> None:
            say(waiting_text(waiting, self._link(waiting.approval), self._services.clock()))

        def on_still_waiting(waiting: Waiting) -> None:
            say(still_waiting_text(waiting, self._link(waiting.approval), self._services.clock()))

        def say(said: str) -> None:
            self._inquiry.record(Frame.NOTE, said.encode())
            tell(said)

        task = asyncio.current_task()
        assert task is not None
        self._asking.add(task)
        try:
            allowed = await self._inquiry.ask(command, on_waiting, on_still_waiting)
        except Refused as refused:
            self._inquiry.record(Frame.NOTE, refusal_text(refused.refusal).encode())
            raise
        finally:
            self._asking.discard(task)
        if allowed.approval:
            self._inquiry.record(Frame.NOTE, decided_text(allowed).encode())
            tell(decided_text(allowed))
        return allowed

    async def unless(self, asking: Coroutine[Any, Any, T], leaving: Coroutine[Any, Any, None]) -> T:
        """What `asking` returns, unless `leaving` returns before: then the client no longer wants it, and
        Refused is raised."""
        answer = asyncio.ensure_future(asking)
        left = asyncio.ensure_future(leaving)
        try:
            await asyncio.wait((answer, left), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise Refused(CANCELLED)
        finally:
            answer.cancel()
            left.cancel()
            await asyncio.gather(answer, left, return_exceptions=True)

    def release(self, command: str) -> None:
        """The last word before the command goes to the host. Raises Refused."""
        self._inquiry.release(command)

    def abandon(self, command: str, reason: str) -> None:
        """A command that may run will not go to the host."""
        self._inquiry.abandon(command, reason)

    def finish(self, finish: Finish) -> None:
        """A command that was released ended."""
        self._inquiry.finish(finish)

    def record(self, code: str, text: str) -> None:
        """An event of the recording: what the client saw or, masked, typed."""
        if text:
            seconds = asyncio.get_running_loop().time() - self._began
            self._inquiry.record(Frame.ANSWER, make_event(seconds, code, text))

    async def recording_has_room(self) -> None:
        """Waits while so much of the recording is on its way to Kafka that the host should wait."""
        await self._room.wait()

    def mark(self, text: str) -> None:
        """A marker of the recording, where a command begins."""
        self.record(MARKER, text)

    def note(self, text: str) -> None:
        """A note for whoever replays the session."""
        self._inquiry.record(Frame.NOTE, text.encode())

    def transferred(self, frame: bytes) -> None:
        """A frame about an open file (`ingress.ssh.transfers`)."""
        self._inquiry.record(Frame.FILE, frame)

    def say(self, text: str) -> None:
        """What the gateway itself wrote to the client."""
        self.record(OUTPUT, text)

    def client_left(self, reason: str) -> None:
        """Nobody is there any more: what is held is withdrawn, what runs is let go."""
        if self._is_over:
            return
        self._is_over = True
        for task in (*self._channels, *self._asking):
            task.cancel()
        for do in self._before_leaving:
            do()
        self.mark("the session is over")
        self._inquiry.close(reason)
        with contextlib.suppress(OSError):
            self.target.close()
