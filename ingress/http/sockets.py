"""A WebSocket to an API: its opening is the command, held like any request; then messages go both ways."""

from dataclasses import dataclass

import structlog

from ingress.command import Command
from ingress.errors import TargetError
from ingress.gate import Allowed, Waiting
from ingress.http.judge import Subject, shown_message
from ingress.http.manner import ApiManner
from ingress.http.talk import Talk
from ingress.inquiry import Refused
from ingress.interface import Finish, Frame
from ingress.web.call import Call
from ingress.web.credentials import Granted
from ingress.web.exchange import Exchange
from ingress.web.handshake import accept, ask, offered, opened
from ingress.web.limits import unkept
from ingress.web.requests import Requests
from ingress.web.sinks import Broken, say
from ingress.web.strict import Head
from ingress.web.visits import Visit
from schemas.vocabulary import Outcome

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Opening:
    """A request for a WebSocket, judged."""

    head: Head
    call: Call
    command: Command
    subject: Subject
    manner: ApiManner
    visit: Visit


class SocketRequest:
    """One of them, from its handshake to its end."""

    def __init__(self, requests: Requests, opening: Opening) -> None:
        self._requests = requests
        self._opening = opening

    async def run(self) -> bool:
        """Everything; False, as nobody else cuts it off. Raises Broken where the client leaves before."""
        opening = self._opening
        words, inquiry, command = opening.manner.words, opening.visit.inquiry, opening.command
        inquiry.record(Frame.COMMAND, command.text.encode())
        try:
            allowed = await self._requests.unless_left(inquiry.ask(command, _say_nothing))
            if (refusal := unkept(allowed.obligations, may_change=True)) is not None:
                inquiry.abandon(command.id, refusal.message)
                raise Refused(refusal)
            granted, exchange = await self._connect()
            async with exchange:
                inquiry.release(command.id)
                await self._open(exchange, allowed, granted)
        except Refused as refused:
            inquiry.record(Frame.NOTE, refused.refusal.message.encode())
            await say(self._requests.sink(), words.refused(command.id, refused.refusal))
        except TargetError as error:
            _log.error("target.not_reached", resource=opening.subject.resource, error=str(error))
            await say(self._requests.sink(), words.failed(502, "the API cannot be used", str(error)))
        return False

    async def _connect(self) -> tuple[Granted, Exchange]:
        """The gateway's credential, and the way to the API. Raises TargetError."""
        opening = self._opening
        try:
            granted = await opening.manner.granted()
            target = opening.manner.target
            return granted, Exchange(target, await target.connect(fresh=True))
        except BaseException as error:
            opening.visit.inquiry.abandon(opening.command.id, str(error) or "the client left")
            raise

    async def _open(self, exchange: Exchange, allowed: Allowed, granted: Granted) -> None:
        """The command was released: however this ends, its end is reported. Raises TargetError."""
        opening = self._opening
        request = self._request(granted)
        inspection = opening.manner.viewing(allowed.obligations.masking, request.secrets)
        try:
            head, protocol = await ask(
                exchange, str(opening.call.target), request.fields, offered(opening.head)
            )
        except BaseException as error:
            self._not_opened("", str(error) or "the client left")
            raise
        if head.status != 101:
            if head.status == 401:
                opening.manner.refused_credential()
            said = f"the API answered {head.status} and opened no WebSocket"
            self._not_opened(str(head.status), said)
            status = head.status if head.status >= 400 else 502
            await say(self._requests.sink(), opening.manner.words.failed(status, "not opened", said))
            return
        talk = Talk(opened(exchange), inspection, allowed.obligations, opening.visit)
        try:
            try:
                client = await accept(self._requests, opening.head, protocol)
            except OSError as error:
                raise Broken("the client left") from error
            await talk.run(client, lambda message: shown_message(message, opening.subject))
        finally:
            opening.visit.inquiry.finish(talk.report(opening.command.id))

    def _request(self, granted: Granted) -> Granted:
        """The header fields of the request, those of the handshake aside, and the secrets in them."""
        opening = self._opening
        call = opening.call
        host = opening.visit.address.rpartition(":")[0].encode()
        own = ((b"host", opening.manner.target.authority), (b"x-forwarded-for", host))
        return granted.applied(call.method, str(call.target), (*own, *call.fields), b"")

    def _not_opened(self, code: str, error: str) -> None:
        """The API may have acted on the request; where it did not answer, nobody knows."""
        outcome = Outcome.FAILED if code else Outcome.UNKNOWN
        self._opening.visit.inquiry.finish(Finish(self._opening.command.id, outcome, 0, 0, code, error, ()))


def _say_nothing(_: Waiting) -> None:
    """A handshake has no way to tell its client that it waits."""
