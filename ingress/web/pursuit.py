"""One request from its verdict to the end of its answer: sent once, masked, recorded, reported."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ingress.command import Command
from ingress.errors import TargetError
from ingress.gate import Allowed, Refusal, Waiting
from ingress.inquiry import Refused
from ingress.interface import Finish, Frame
from ingress.web.answering import Answering, Progress
from ingress.web.answers.counting import Uninspectable
from ingress.web.call import Call
from ingress.web.credentials import Granted
from ingress.web.exchange import Exchange, Rest
from ingress.web.fields import Field
from ingress.web.limits import LimitReached, unkept
from ingress.web.manner import Manner
from ingress.web.sinks import Broken, Sink, say
from ingress.web.visits import Visit
from schemas.vocabulary import Obligations, Outcome

_log = structlog.get_logger()
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Pursuit:
    """`rest`: the part of the request's body that was not held; `length`: of all of it, where it is known."""

    call: Call
    command: Command
    manner: Manner
    visit: Visit
    sink: Sink
    rest: Rest | None = None
    length: int | None = None

    async def run(self, on_waiting: Callable[[Waiting], None]) -> None:
        """Everything; whatever happens, the sink has an answer or is broken. Raises Broken."""
        inquiry, command = self.visit.inquiry, self.command
        try:
            allowed = await inquiry.ask(command, on_waiting)
        except Refused as refused:
            await self._refuse(refused.refusal)
            return
        try:
            if (refusal := unkept(allowed.obligations, may_change=self.call.method not in _SAFE)) is not None:
                inquiry.abandon(command.id, refusal.message)
                await self._refuse(refusal)
                return
            request = self._request(await self.manner.granted())
            connection = await self.manner.target.connect(fresh=self.call.method not in _SAFE)
        except TargetError as error:
            inquiry.abandon(command.id, str(error))
            _log.error(
                "target.not_reached", resource=self.manner.resource, error=str(error), reason=error.reason
            )
            said = self.manner.words.failed(
                502, "the API cannot be used", str(error), "Nothing was executed."
            )
            await say(self.sink, said)
            return
        except BaseException:
            inquiry.abandon(command.id, "the client left")
            raise
        async with Exchange(self.manner.target, connection) as exchange:
            try:
                inquiry.release(command.id)
            except Refused as refused:
                await self._refuse(refused.refusal)
                return
            await self._carry_out(exchange, allowed, request)

    async def _refuse(self, refusal: Refusal) -> None:
        self.visit.inquiry.record(Frame.COMMAND, self._shown())
        self.visit.inquiry.record(Frame.NOTE, refusal.message.encode())
        await say(self.sink, self.manner.words.refused(self.command.id, refusal))

    def _shown(self) -> bytes:
        lines = [self.command.text, *(value or "" for value in self.command.parameters)]
        return "\n".join(lines).encode()

    async def _carry_out(self, exchange: Exchange, allowed: Allowed, request: Granted) -> None:
        """The command was released: however this ends, its end is reported."""
        call, obligations = self.call, allowed.obligations
        viewing = self.manner.viewing(obligations.masking, request.secrets)
        progress = Progress(viewing.counts)
        answering = Answering(call.method, self.manner, viewing, self.visit, self.sink, progress)
        self.visit.inquiry.record(Frame.COMMAND, self._shown())
        try:
            async with asyncio.timeout(obligations.seconds) as deadline:
                await exchange.send(call.method, str(call.target), request.fields, call.body, self.rest)
                head = await exchange.head()
                if self.manner.is_live:
                    deadline.reschedule(None)  # it lasts for as long as its client looks on
                await answering.run(head, exchange, allowed)
        except TimeoutError:
            await self._stopped(LimitReached("time", obligations.seconds or 0), obligations, progress, 504)
        except LimitReached as reached:
            await self._stopped(reached, obligations, progress, 403)
        except TargetError as error:
            progress.error = str(error)
            await self._failed(
                502, "the API did not answer", f"{error}: whether it did what was asked is not known"
            )
        except Uninspectable as hidden:
            await self._hide(progress, str(hidden))
        except Broken as broken:
            progress.error = str(broken)
            raise
        finally:
            self._report(progress)

    def _request(self, granted: Granted) -> Granted:
        """The header fields of the request as it is sent, and the secrets in them."""
        call = self.call
        sent = (self.manner.sent(field) for field in call.fields)
        fields: list[Field] = [(b"host", self.manner.target.authority)]
        fields += [field for field in sent if field is not None]
        fields += [(b"accept-encoding", b"identity"), (b"x-forwarded-for", self._client_host())]
        length = self.length if self.rest is not None else len(call.body) if call.body is not None else None
        if length is not None:
            fields.append((b"content-length", str(length).encode()))
        elif self.rest is not None:
            fields.append((b"transfer-encoding", b"chunked"))
        body = None if self.rest is not None else call.body or b""
        return granted.applied(call.method, str(call.target), tuple(fields), body)

    def _client_host(self) -> bytes:
        return self.visit.address.rpartition(":")[0].encode()

    async def _stopped(
        self, reached: LimitReached, obligations: Obligations, progress: Progress, status: int
    ) -> None:
        rule = obligations.rule_of(reached.limit)
        progress.limit, progress.limit_rule = reached.limit, rule
        by = f' by rule "{rule}"' if rule else ""
        progress.error = f"the answer was stopped{by} at {reached}"
        if progress.outcome is Outcome.SUCCEEDED:
            progress.outcome = Outcome.FAILED
        progress.error_code = progress.error_code or str(status)
        await self._failed(status, "the answer was stopped", progress.error, "Ask for less.")

    async def _hide(self, progress: Progress, reason: str) -> None:
        """An answer that cannot be inspected: its status may be told where it is an error's."""
        progress.error = f"the answer was withheld: {reason}"
        status = progress.status if progress.status >= 400 else 502
        hint = "The request itself was carried out." if progress.outcome is Outcome.SUCCEEDED else ""
        await self._failed(
            status, "the answer was withheld", f"{reason}, so nothing sensitive in it could be masked", hint
        )

    async def _failed(self, status: int, title: str, detail: str, hint: str = "") -> None:
        self.visit.inquiry.record(Frame.NOTE, detail.encode())
        if self.sink.has_begun:
            raise Broken(detail)  # only an answer that is visibly cut off says so
        await say(self.sink, self.manner.words.failed(status, title, detail, hint))

    def _report(self, progress: Progress) -> None:
        self.visit.inquiry.finish(
            Finish(
                command=self.command.id,
                outcome=progress.outcome,
                rows=progress.counts.rows,
                bytes=progress.bytes,
                error_code=progress.error_code,
                error=progress.error,
                masked=progress.counts.masked(),
                limit=progress.limit,
                limit_rule=progress.limit_rule,
            )
        )


async def quietly(pursuit: Pursuit, waiting: "asyncio.Future[Waiting]") -> bool:
    """Runs it; whether the answer was cut off."""

    def note(found: Waiting) -> None:
        if not waiting.done():
            waiting.set_result(found)

    try:
        await pursuit.run(note)
    except Broken:
        return True
    except Exception:
        # A bug answers nothing more, and never passes a byte on.
        _log.exception("http.request_failed", command=pursuit.command.id)
        return True
    return False
