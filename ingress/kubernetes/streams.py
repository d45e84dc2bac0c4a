"""exec, attach and port-forward: a connection of its own, held until its verdict, then through to the pod.

The client's WebSocket is accepted while its command is held: so it can be told what it waits for, and whether
it leaves. Nothing is sent to the cluster before the verdict.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra.clock import Clock
from ingress.command import Command
from ingress.errors import ProtocolError, TargetError
from ingress.gate import Allowed, Refusal, Waiting
from ingress.inquiry import Refused
from ingress.interface import Finish, Frame
from ingress.kubernetes.channels import STDERR, STDOUT, chosen, message
from ingress.kubernetes.execution import NOT_EXECUTED, Execution
from ingress.kubernetes.keyboard import Keyboard
from ingress.kubernetes.manner import ClusterManner
from ingress.kubernetes.recording import header
from ingress.kubernetes.refusal import decided_text, refusal_text, waiting_text
from ingress.kubernetes.spdy import Key, Refusals
from ingress.kubernetes.tunnel import Tunnel
from ingress.kubernetes.words import SHELL
from ingress.terminal.cast import MARKER, OUTPUT, make_event
from ingress.terminal.obligations import unkept
from ingress.web.call import Call
from ingress.web.exchange import Exchange
from ingress.web.fields import Field
from ingress.web.handshake import accept, ask, is_asked, opened, why_not, without_handshake
from ingress.web.requests import Requests
from ingress.web.sinks import Said, say
from ingress.web.strict import Head
from ingress.web.visits import Visit
from ingress.web.websocket import GOING_AWAY, NORMAL, WRONG, WebSocket
from schemas.vocabulary import Outcome

_CANCELLED = Refusal("the client took the command back", "Nothing was executed.", cancelled=True)
Tell = Callable[[str], Coroutine[Any, Any, None]]
_LONGEST_WORDS = 64 * 1024  # bytes of what a cluster says when it does not open a stream
_NO_SHELLS = Refusal(
    "interactive shells are not served on this cluster",
    "Nothing was executed. Run single commands: kubectl exec POD -- COMMAND.",
)


@dataclass(frozen=True, slots=True)
class Opening:
    """A request for a stream, judged. `link(approval)`: where a reviewer finds it."""

    head: Head
    call: Call
    command: Command
    manner: ClusterManner
    visit: Visit
    clock: Clock
    link: Callable[[str], str]
    refusals: Refusals

    @property
    def key(self) -> Key:
        """By which its refusal is found again."""
        return self.visit.principal.name, self.manner.resource, self.call.target.path


class StreamRequest:
    """One of them, from its handshake to its end."""

    def __init__(self, requests: Requests, opening: Opening) -> None:
        self._requests = requests
        self._opening = opening
        self._requested = opening.manner.requested
        self._forwards = self._requested.subresource == "portforward"
        offered = opening.head.field(b"sec-websocket-protocol") or b""
        self._protocol = chosen(offered, forwards=self._forwards)
        self._credential: tuple[Field, ...] = ()

    async def run(self) -> bool:
        """Everything; False, as it is cut off by nobody else. Raises Broken."""
        if (self._opening.head.field(b"upgrade") or b"").lower().startswith(b"spdy/"):
            said = self._opening.refusals.answer(self._opening.key, self._opening.manner.words)
            await say(self._requests.sink(), said)
            return False
        if (why := self._unserved()) is not None:
            said = self._opening.manner.words.failed(400, "the stream is not served", why)
            await say(self._requests.sink(), said)
            return False
        if self._forwards:
            await self._forward()
        else:
            await self._execute()
        return False

    def _unserved(self) -> str | None:
        head = self._opening.head
        if not is_asked(head):
            return "it asks for another protocol than WebSocket"
        if (why := why_not(head)) is not None:
            return why
        if not self._protocol:
            wanted = (
                "SPDY/3.1+portforward.k8s.io" if self._forwards else "v5.channel.k8s.io or v4.channel.k8s.io"
            )
            return f"it offers none of the subprotocols that are: {wanted}"
        return None

    async def _accept(self) -> WebSocket:
        """The client's side of the WebSocket."""
        return await accept(self._requests, self._opening.head, self._protocol)

    async def _forward(self) -> None:
        """port-forward: nothing can be said in its tunnel, so its verdict comes before the handshake."""
        opening = self._opening
        visit, command, words = opening.visit, opening.command, opening.manner.words
        visit.inquiry.record(Frame.COMMAND, command.text.encode())
        try:
            allowed = await self._requests.unless_left(visit.inquiry.ask(command, self._note_waiting))
            self._keep(allowed)
            async with await self._connect() as exchange:
                visit.inquiry.release(command.id)
                await self._tunnel(exchange, allowed)
        except Refused as refused:
            visit.inquiry.record(Frame.NOTE, refusal_text(refused.refusal).encode())
            await self._refuse(words.refused(command.id, refused.refusal))
        except TargetError as error:
            await self._refuse(words.failed(502, "the cluster cannot be used", str(error)))

    async def _tunnel(self, exchange: Exchange, allowed: Allowed) -> None:
        """Raises TargetError where the cluster does not open it."""
        try:
            target = await self._open(exchange)
        except TargetError as error:
            self._opening.visit.inquiry.finish(_not_started(self._opening.command, str(error)))
            raise
        except BaseException:
            self._opening.visit.inquiry.finish(_not_started(self._opening.command, "the client left"))
            raise
        client = await self._accept()
        await Tunnel(client, target, self._opening.command, self._opening.visit).run(allowed)

    async def _refuse(self, said: Said) -> None:
        self._opening.refusals.note(self._opening.key, said)
        await say(self._requests.sink(), said)

    def _note_waiting(self, waiting: Waiting) -> None:
        opening = self._opening
        text = waiting_text(waiting, opening.link(waiting.approval), opening.clock())
        opening.visit.inquiry.record(Frame.NOTE, text.encode())

    async def _execute(self) -> None:
        """exec and attach: what is to be said is said on the stream."""
        opening = self._opening
        visit, command = opening.visit, opening.command
        has_terminal = self._requested.says("tty")
        client = await self._accept()
        visit.inquiry.record(Frame.COMMAND, command.text.encode())
        visit.inquiry.record(Frame.ANSWER, header() + make_event(visit.seconds, MARKER, command.text))

        async def tell(text: str) -> None:
            shown = (text + "\n").replace("\n", "\r\n" if has_terminal else "\n")
            visit.inquiry.record(Frame.ANSWER, make_event(visit.seconds, OUTPUT, shown))
            channel = STDOUT if has_terminal else STDERR
            await client.send(message(channel, shown.encode()))

        keyboard = Keyboard(client, has_terminal=has_terminal)
        execution = Execution(client, keyboard, opening.command, opening.visit, tell, self._requested)
        async with keyboard:
            try:
                try:
                    allowed = await self._ask(keyboard, tell)
                    async with await self._connect() as exchange:
                        visit.inquiry.release(command.id)
                        await execution.run(allowed, partial(self._open, exchange))
                except Refused as refused:
                    visit.inquiry.record(Frame.NOTE, refusal_text(refused.refusal).encode())
                    await tell(refusal_text(refused.refusal))
                    await execution.end(NOT_EXECUTED)
                except TargetError as error:
                    await tell(f"countersign: {error}")
                    await execution.end(NOT_EXECUTED)
                await client.close(NORMAL)
            except ProtocolError as error:
                await client.close(WRONG, str(error))
            except OSError:
                return  # the client is gone
            except asyncio.CancelledError:
                why = visit.ended or "the gateway is stopping"
                with contextlib.suppress(OSError):
                    await tell(f"countersign: {why}")
                    await client.close(GOING_AWAY, why)
                raise

    async def _ask(self, keyboard: Keyboard, tell: Tell) -> Allowed:
        """The verdict. Raises Refused, also when the client no longer wants it."""
        opening = self._opening
        shells = opening.manner.cluster.resource.shells
        if SHELL in opening.command.facts.statements and shells == "none":
            raise Refused(_NO_SHELLS)
        telling: set[asyncio.Task[None]] = set()

        def on_waiting(waiting: Waiting) -> None:
            self._note_waiting(waiting)
            text = waiting_text(waiting, opening.link(waiting.approval), opening.clock())
            telling.add(asyncio.ensure_future(tell(text)))

        asking = asyncio.ensure_future(opening.visit.inquiry.ask(opening.command, on_waiting))
        leaving = asyncio.ensure_future(keyboard.wants_out())
        try:
            await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                leaving.result()  # raises where the client is gone
                raise Refused(_CANCELLED)
            allowed = asking.result()
            self._keep(allowed)
            if allowed.approval:
                opening.visit.inquiry.record(Frame.NOTE, decided_text(allowed).encode())
                await tell(decided_text(allowed))
            return allowed
        finally:
            for task in (asking, leaving):
                task.cancel()
            await asyncio.gather(asking, leaving, *telling, return_exceptions=True)

    def _keep(self, allowed: Allowed) -> None:
        """Raises Refused where the rule asks for what cannot be kept."""
        command = self._opening.command
        if (refusal := unkept(allowed.obligations, command)) is not None:
            self._opening.visit.inquiry.abandon(command.id, refusal.message)
            raise Refused(refusal)

    async def _connect(self) -> Exchange:
        """The way to the cluster. Raises TargetError."""
        opening = self._opening
        try:
            self._credential = (await opening.manner.granted()).fields
            return Exchange(opening.manner.target, await opening.manner.target.connect(fresh=True))
        except BaseException as error:
            opening.visit.inquiry.abandon(opening.command.id, str(error) or "the client left")
            raise

    async def _open(self, exchange: Exchange) -> WebSocket:
        """The cluster's side of the WebSocket. Raises TargetError."""
        fields: list[Field] = [(b"host", self._opening.manner.target.authority)]
        fields += [
            (name, value)
            for name, value in without_handshake(self._opening.call.fields)
            if name not in (b"origin", b"accept")
        ]
        fields += [*self._credential, (b"accept", b"application/json")]
        head, chosen = await ask(exchange, str(self._opening.call.target), fields, (self._protocol,))
        if head.status != 101:
            raise TargetError(await _words_of(exchange, head.status))
        if chosen != self._protocol:
            raise TargetError("the cluster does not speak this WebSocket protocol")
        return opened(exchange)


async def _words_of(exchange: Exchange, status: int) -> str:
    """Why the cluster did not open a stream, in its own words: the message of its Status."""
    answer = b""
    async for piece in exchange.body():
        answer += piece
        if len(answer) > _LONGEST_WORDS:
            break
    try:
        said = json.loads(answer)["message"]
    except (ValueError, KeyError, TypeError):
        said = ""
    return f"the cluster answered {status}: {said}" if said else f"the cluster answered {status}"


def _not_started(command: Command, error: str) -> Finish:
    return Finish(command.id, Outcome.FAILED, 0, 0, "not started", error, ())
