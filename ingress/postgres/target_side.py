"""We are the client: the target's answers, matched one by one with what it was sent.

Every message of the target belongs to the answer at the head of `expected`, or may come at any time
(notices, parameter changes, notifications). What is neither ends the session: nothing passes that nobody
asked for. PostgreSQL documentation, "Message Flow" 55.2.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile

from ingress.errors import TargetError
from ingress.gate import Revoked
from ingress.interface import CancelTarget, Finish, Frame, ReadCatalogue, Record, Request, StopAfter
from ingress.postgres.codec import MAX_TARGET_MESSAGE, Block, Message, Oversized
from ingress.postgres.delivery import Delivery
from ingress.postgres.effects import Effects
from ingress.postgres.encodings import is_read
from ingress.postgres.execution import Execution, Expected, Guard, Kind
from ingress.postgres.limits import Stop, make_stopped, stop_at
from ingress.postgres.messages import (
    SYNC,
    make,
    make_parameter_status,
    make_ready,
    parse_command_complete,
    parse_data_row,
    parse_fields,
    parse_parameter_status,
    without_last,
)
from ingress.postgres.namespace import Namespace
from ingress.postgres.own import Aside
from ingress.postgres.results import ResultMasker
from ingress.postgres.transaction import OpenTransaction, ends_block, in_block
from schemas.vocabulary import MaskedField, Outcome

_ANSWER_OF = {
    b"1": Kind.PARSE,
    b"2": Kind.BIND,
    b"3": Kind.CLOSE,
}
# division_by_zero: what is compared differs; invalid_schema_name, undefined_table: it is not there any more.
_HEADER = 5  # bytes of a message before its body
_CHANGED = frozenset(("22012", "3F000", "42P01"))
_RECORDED = frozenset((b"T", b"C", b"E", b"N", b"H", b"I", b"s"))


class TargetSide:
    """Answers of the target -> what the client gets, and what became of each execution.

    `base`: the masker for texts that belong to no command. `transaction`: is told when it has ended.
    `parameters`: the target's settings as it reported them at the start; `client_name`: the client's own
    application_name, which it hears of in the place of the one that the gateway set then.
    """

    def __init__(
        self,
        namespace: Namespace,
        base: ResultMasker,
        transaction: OpenTransaction,
        parameters: Mapping[str, str],
        client_name: str,
    ) -> None:
        self._names = namespace
        self._transaction = transaction
        self.in_block = False  # whether the client's own transaction is open, as far as has been answered
        self._base = base
        self.expected: deque[Expected] = deque()
        self.status = b"I"  # of the transaction, as the last ReadyForQuery said
        self.parameters = dict(parameters)
        self._named = "application_name", parameters.get("application_name", "")
        self._client_name = client_name
        self.copying_in = False
        self.series_failed = False  # the target discards everything until Sync
        self.effects = Effects(namespace)
        self._delivery = Delivery()
        self.ended = ""  # a fatal error of the target: its text, for the session's end
        self._must_end = False  # a transaction that the gateway began before a simple query may be open
        self._must_sync = False  # an error of the gateway's own question: the target waits for a Sync
        self.cut_off = b""  # an error that must make the series fail at the target, too
        self._watched: tuple[Expected | None, int] = (None, 0)  # whose clock was started
        self._statement = 0  # of a simple query: which one answers now
        self._suspended_ones: dict[str, Execution] = {}  # command id -> at its row limit, not at its end
        self._suspended_now: list[str] = []
        self._revoked: dict[str, Stop] = {}  # by command: its approval was taken back
        self._ignored_syncs = 0  # Syncs that a COPY may have swallowed
        self._out: list[bytes] = []
        self._requests: list[Request] = []

    def receive(self, item: Message | Block | Oversized) -> None:
        """Raises TargetError for what nobody asked for."""
        if isinstance(item, Block):
            self._rows(item)
            return
        if isinstance(item, Oversized):
            if self._head().quiet:
                raise TargetError("the target answered the gateway's own question with more than it takes")
            self.stop(self._current(), Stop("row", MAX_TARGET_MESSAGE, ""))
            return
        self._receive(item)
        self.flush_local()  # or the next item would be taken for the answer to it
        self.watch()

    def _receive(self, item: Message) -> None:
        match item.kind:
            case b"1" | b"2" | b"3":
                self._done(item, _ANSWER_OF[item.kind])
            case b"T" | b"n" | b"t":
                self._description(item)
            case b"C" | b"I":
                self._complete(item)
            case b"s":
                self._suspended(item)
            case b"Z":
                self._ready(item)
            case b"E":
                self._error(item)
            case b"N":
                self._pass(replace(item, body=self._masker().text(item.body)))
            case b"A":
                self._out.append(replace(item, body=self._masker().notification(item.body)).raw)
            case b"S":
                self._parameter(item)
            case b"G":
                self._copy_in(item)
            case b"H":
                execution = self._current()
                if execution.masker is not None:
                    execution.masker.copy_begins(item.body)
                self._pass(item)
            case b"c":
                if self._current().stopped is None:
                    self._pass(item)
            case b"V":
                self._called(item)
            case _:
                raise TargetError(f"the target sent a message of type {item.kind.decode('latin-1')} unasked")

    def flush_local(self) -> None:
        """Gives the client what of the gateway's own has its turn."""
        while self.expected and self.expected[0].kind is Kind.LOCAL:
            local = self.expected.popleft()
            self._out.append(local.data)
            if local.ready:
                self._out.append(make_ready(self.status))

    def take_out(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def take_aside(self) -> Aside:
        """What the gateway has to send before anything else."""
        aside = Aside()
        if self._must_end:
            aside.end()
            self._must_end = False
        if self._must_sync:
            aside.messages.append(SYNC)
            aside.expected.append(Expected(Kind.SYNC))
            self._must_sync = self.series_failed = False
        return aside

    def take_requests(self) -> list[Request]:
        requests, self._requests = self._requests, []
        return requests

    def stop(self, execution: Execution, stop: Stop) -> None:
        """Cuts the answer off: nothing more of it reaches the client, who gets the reason as an error."""
        if execution.stopped is None:
            execution.stopped = stop
            self._requests.append(CancelTarget())

    def time_is_up(self, command: str, turn: int) -> bool:
        """Stops the command if it is this turn of it that answers now; whether it was."""
        _, execution = self._runs()
        if execution is None or execution.command.id != command or execution.turn != turn:
            return False
        assert execution.allowed is not None
        duty = execution.allowed.obligations
        self.stop(execution, stop_at("time", duty.seconds or 0, duty))
        return True

    def revoke(self, command: str, revoked: Revoked) -> bool:
        """Stops the command, now or, where others run before it, when its turn comes; whether now."""
        self._revoked[command] = Stop("", revoked=revoked)
        _, execution = self._runs()
        if execution is None or execution.command.id != command:
            return False
        self.stop(execution, self._revoked[command])
        return True

    def watch(self) -> None:
        """Starts the clock of what runs now, if that has just come to be."""
        expected, execution = self._runs()
        if expected is self._watched[0] and self._statement == self._watched[1]:
            return
        self._watched = (expected, self._statement)
        if execution is None or execution.allowed is None:
            return
        if execution.command.id in self._revoked:
            self.stop(execution, self._revoked[execution.command.id])
        execution.turn += 1
        seconds = execution.allowed.obligations.seconds
        if seconds is not None:
            self._requests.append(StopAfter(execution.command.id, seconds, execution.turn))

    def running(self) -> list[Execution]:
        """What was sent and has not ended."""
        found = []
        for position, expected in enumerate(self.expected):
            executions = expected.executions
            if expected.kind is Kind.QUERY and position == 0:
                executions = executions[self._statement :]
            found.extend(executions)
        found.extend(one for one in self._suspended_ones.values() if one not in found)
        return found

    def owes(self, execution: Execution) -> bool:
        """Whether the target has not answered it."""
        return any(execution in expected.executions for expected in self.expected)

    def take_suspended(self) -> list[str]:
        """The commands whose portals have stopped at a row limit since the last time."""
        suspended, self._suspended_now = self._suspended_now, []
        return suspended

    @property
    def is_answering(self) -> bool:
        """Something runs at the target now; a portal at its row limit does not."""
        return any(expected.executions for expected in self.expected)

    def _head(self) -> Expected:
        if not self.expected:
            raise TargetError("the target answered what it was not asked")
        return self.expected[0]

    def _current(self) -> Execution:
        """The execution whose answer comes now."""
        head = self._head()
        if head.kind is Kind.QUERY and self._statement < len(head.executions):
            return head.executions[self._statement]
        if head.kind is Kind.EXECUTE and head.executions:
            return head.executions[0]
        raise TargetError("the target sent rows for what returns none")

    def _runs(self) -> tuple[Expected | None, Execution | None]:
        """What runs at the target now. A server keeps what it says of Parse and Bind until Execute is done:
        what runs need not be the head."""
        for expected in self.expected:
            if not expected.executions:
                continue
            if expected.kind is not Kind.QUERY:
                return expected, expected.executions[0]
            number = self._statement if expected is self.expected[0] else 0
            return expected, expected.executions[number] if number < len(expected.executions) else None
        return None, None

    def _masker(self) -> ResultMasker:
        """For texts: the running command's, or the session's own."""
        head = self.expected[0] if self.expected else None
        if head is not None and head.guard is not None:
            return head.guard.execution.masker or self._base
        if head is not None and head.kind in (Kind.QUERY, Kind.EXECUTE):
            index = min(self._statement, len(head.executions) - 1) if head.kind is Kind.QUERY else 0
            if head.executions and head.executions[index].masker is not None:
                return head.executions[index].masker or self._base
        return self._base

    def _pass(self, message: Message, data: bytes | None = None) -> None:
        head = self.expected[0] if self.expected else None
        if head is not None and head.quiet:
            return
        raw = data if data is not None else message.raw
        self._out.append(raw)
        if message.kind in _RECORDED:
            self._requests.append(Record(Frame.ANSWER, raw))

    def _rows(self, block: Block) -> None:
        head = self._head()
        if head.quiet:
            if block.kind == b"D" and head.answer is not None:
                position = 0
                while position < len(block.data):
                    end = position + 1 + int.from_bytes(block.data[position + 1 : position + 5], "big")
                    head.answer.rows.append(parse_data_row(block.data[position + 5 : end]))
                    position = end
            return
        execution = self._current()
        if execution.stopped:
            return
        delivered = self._delivery.rows(block, head, execution)
        if delivered.stop is not None:
            self.stop(execution, delivered.stop)
        if delivered.data:
            self._out.append(delivered.data)
        self._requests += delivered.records

    def _done(self, message: Message, kind: Kind) -> None:
        head = self._head()
        if head.kind is not kind:
            raise TargetError(f"the target confirmed a {kind.name.lower()} that was not next")
        if not head.as_query:
            self._pass(message)
        self.expected.popleft()
        if head.change is not None:
            self._names.confirm(head.change)

    def _description(self, message: Message) -> None:
        head = self._head()
        if head.kind in (Kind.DESCRIBE_STATEMENT, Kind.DESCRIBE_PORTAL):
            if message.kind == b"t":
                if head.prepared is not None and (own := len(head.prepared.literals)):
                    message = replace(message, body=without_last(message.body, own))
                self._pass(message)
                return
            if message.kind == b"T" or not head.as_query:
                self._pass(message)
            description = message.body if message.kind == b"T" else b""
            if head.kind is Kind.DESCRIBE_STATEMENT and head.prepared is not None:
                head.prepared.description = description
            if head.kind is Kind.DESCRIBE_PORTAL and head.portal is not None:
                head.portal.description = description
            self.expected.popleft()
            return
        execution = self._current()
        if message.kind == b"T" and execution.masker is not None:
            execution.masker.describe(message.body)
        if message.kind == b"T" and execution.recorded is not None:
            execution.recorded.describe(message.body)
        self._pass(message)

    def _complete(self, message: Message) -> None:
        head = self._head()
        if head.kind is Kind.EXECUTE and (head.quiet or not head.executions):
            self._pass(message)
            self.expected.popleft()
            return
        execution = self._current()
        tag, count = parse_command_complete(message.body) if message.kind == b"C" else ("", 0)
        if execution.stopped is not None:
            self._stopped(execution, execution.stopped, head)
            execution.changed = max(count, execution.rows)
        else:
            self._pass(message)
            self._finish(execution, Outcome.SUCCEEDED, rows=max(count, execution.rows))
        self.effects.of(execution, tag)
        self._delivery.succeeded(execution)
        if head.kind is Kind.QUERY:
            self._statement += 1
        else:
            if head.portal is not None:
                head.portal.execution = None
            self.expected.popleft()
        self.in_block = in_block(self.in_block, [execution])
        if ends_block(execution):
            self._transaction.ended(self.running())

    def _stopped(self, execution: Execution, stop: Stop, head: Expected) -> None:
        """The target got to the end, or to the end of a step, before it was cancelled: the client gets the
        limit's error all the same. In a series that still runs the target must fail, too, since after an
        error a client takes what came before in the series for undone and what comes after for not run."""
        series = head.kind is Kind.EXECUTE and not execution.copies
        runs = series and not any(expected.kind is Kind.SYNC for expected in self.expected)
        stands = not (execution.only_reads or runs)
        error = make_stopped(execution.command.id, stop, ran=stands)
        if runs:
            self.cut_off = error
        else:
            self._out.append(error)
            self._requests.append(Record(Frame.ANSWER, error))
        outcome = Outcome.SUCCEEDED if stands else Outcome.FAILED
        self._finish(execution, outcome, code=stop.code, error=stop.reason)

    def _called(self, message: Message) -> None:
        """The answer to a fast-path call: one value, masked as a row of it would be."""
        head = self._head()
        if not head.call:
            raise TargetError("the target answered a function call that was not made")
        execution = self._current()
        body = message.body
        if execution.masker is not None:
            execution.masker.describe(head.call)
            body = execution.masker.rows(make(b"D", b"\0\x01" + body))[7:]
        if execution.stopped is not None:
            self._stopped(execution, execution.stopped, head)
        else:
            self._pass(replace(message, body=body))
            self._finish(execution, Outcome.SUCCEEDED, rows=1)
        self.effects.of(execution, "")
        self._statement += 1

    def _suspended(self, message: Message) -> None:
        head = self._head()
        if head.kind is not Kind.EXECUTE:
            raise TargetError("the target suspended what is not a portal")
        for execution in head.executions:
            if execution.stopped is not None:
                self._stopped(execution, execution.stopped, head)
            else:
                self._pass(message)
                self._suspended_ones[execution.command.id] = execution
                execution.changed = execution.rows
                self._suspended_now.append(execution.command.id)
                self.effects.so_far(execution)
        self.expected.popleft()

    def _ready(self, message: Message) -> None:
        status = message.body
        if status not in (b"I", b"T", b"E"):
            raise TargetError("the target sent a ReadyForQuery without a status")
        head = self.expected[0] if self.expected else None
        if head is not None and head.quiet and not self.in_block:
            status = b"I"  # what is open is the gateway's own
        if head is not None and head.kind in (Kind.QUERY, Kind.SYNC):
            if head.answer is not None and head.answer.error is not None:
                self._pass(head.answer.error)
            if not head.must_end:
                self._pass(message)
            if head.kind is Kind.QUERY:
                for execution in head.executions[self._statement :]:
                    self._finish(execution, Outcome.FAILED, error="not run: an earlier statement failed")
                self._statement = 0
            self.expected.popleft()
            if head.must_end:
                self._must_end = True  # and the client is told that it is ready when that has been done
                return
        elif self._ignored_syncs:
            self._ignored_syncs -= 1
            self._out.append(message.raw)
        else:
            raise TargetError("the target was ready for what it was not asked")
        self.series_failed = False
        self.in_block = status != b"I"
        if status == b"I":
            self._names.end_transaction()
            # Their portals are gone: the client has had of their rows what it wanted.
            for execution in list(self._suspended_ones.values()):
                self._finish(execution, Outcome.SUCCEEDED)
            if self.effects.transaction_ended(was_open=self.status != b"I"):
                self._requests.append(ReadCatalogue())
            self._transaction.ended(self.running())
        self.status = status

    def _error(self, message: Message) -> None:
        fields = parse_fields(message.body)
        body = self._masker().text(message.body)
        masked = parse_fields(body)
        self.copying_in = False
        head = self.expected[0] if self.expected else None
        if fields.get("V", fields.get("S")) in ("FATAL", "PANIC"):
            self._out.append(replace(message, body=body).raw)
            self.ended = masked.get("M", "the target ended the session")
            return
        if head is None:
            raise TargetError("the target reported an error about nothing it was asked")
        if head.guard is not None:
            self._guarded(head.guard, replace(message, body=body), masked)
            return
        if head.answer is not None:
            if head.answer.is_duty:
                raise TargetError("the target refused what the gateway has to ask before a command")
            head.answer.error = replace(message, body=body)
            self.fail_series()
            return
        code, text = masked.get("C", ""), masked.get("M", "")
        if head.kind is Kind.QUERY:
            if self._statement < len(head.executions):
                execution = head.executions[self._statement]
                self._statement += 1
                self._fail(execution, replace(message, body=body), code, text)
            else:
                self._pass(replace(message, body=body))
            return
        if head.kind is Kind.REFUSED:
            self._out.append(head.data)
        elif head.kind is Kind.EXECUTE and head.executions:
            self._fail(head.executions[0], replace(message, body=body), code, text)
        else:
            self._pass(replace(message, body=body))
        self.fail_series()

    def _guarded(self, guard: Guard, message: Message, fields: Mapping[str, str]) -> None:
        """What was to run does not: its names mean something else by now, or it was stopped as it waited."""
        code, text = fields.get("C", ""), fields.get("M", "")
        if code in _CHANGED:
            masked = parse_fields(guard.error[5:])
            message, code, text = replace(message, body=guard.error[5:]), masked["C"], masked["M"]
        while self.expected and self.expected[0].guard is guard:
            self.expected.popleft()
        self._must_sync = self.expected[0].kind is Kind.QUERY
        self._fail(guard.execution, message, code, text)
        for expected in takewhile(lambda one: one.kind is not Kind.SYNC, self.expected):
            for execution in expected.executions:
                if execution is not guard.execution:
                    self._finish(execution, Outcome.FAILED, error="not run: an earlier command failed")
            expected.executions = []
        self.fail_series()

    def _fail(self, execution: Execution, message: Message, code: str, text: str) -> None:
        stop = execution.stopped
        if stop is not None:
            error = make_stopped(execution.command.id, stop, ran=False)
            self._out.append(error)
            self._requests.append(Record(Frame.ANSWER, error))
            code, text = stop.code, stop.reason
        else:
            self._pass(message)
        self._finish(execution, Outcome.FAILED, code=code, error=text)

    def fail_series(self) -> None:
        """After an error of the extended protocol the target discards everything until Sync."""
        first = True
        while self.expected and self.expected[0].kind is not Kind.SYNC:
            dropped = self.expected.popleft()
            if dropped.change is not None:
                self._names.take_back(dropped.change)
            if not first:
                for execution in dropped.executions:
                    self._finish(execution, Outcome.FAILED, error="not run: an earlier command failed")
            first = False
        self.series_failed = not self.expected and not self._ignored_syncs

    def _parameter(self, item: Message) -> None:
        name, value = parse_parameter_status(item.body)
        if name == "client_encoding" and not is_read(value):
            raise TargetError(f"client_encoding {value} is not spoken by the gateway; use UTF8")
        self.parameters[name] = value
        told = self._client_name if (name, value) == self._named else value
        body = self._masker().parameter(make_parameter_status(name, told)[_HEADER:])
        self._out.append(replace(item, body=body).raw)

    def _copy_in(self, message: Message) -> None:
        head = self._head()
        self._current()
        self.copying_in = True
        self._pass(message)
        if head.kind is Kind.EXECUTE:
            # "the backend … ignores Flush and Sync messages received during the COPY operation" (55.2.6)
            syncs = [one for one in self.expected if one.kind is Kind.SYNC]
            self._ignored_syncs += len(syncs)
            self.expected = deque(one for one in self.expected if one.kind is not Kind.SYNC)

    def copy_ended(self) -> None:
        """The client sent CopyDone or CopyFail; Syncs count again."""
        self.copying_in = False

    def _finish(
        self, execution: Execution, outcome: Outcome, *, rows: int = 0, code: str = "", error: str = ""
    ) -> None:
        self._suspended_ones.pop(execution.command.id, None)
        self._revoked.pop(execution.command.id, None)
        self._delivery.ended(execution)
        execution.outcome, execution.changed = outcome, rows or execution.rows
        masked: tuple[MaskedField, ...] = execution.masker.masked() if execution.masker is not None else ()
        self._requests.append(
            Finish(
                execution.command.id,
                outcome,
                rows or execution.rows,
                execution.bytes,
                code,
                error,
                masked,
                execution.stopped.limit if execution.stopped is not None else "",
                execution.stopped.rule if execution.stopped is not None else "",
            )
        )
