"""A replication connection: its commands are held one by one like all others; what it streams is not masked.

So there are none to a resource that masks anything, and none whose verdict sets a limit: a control that
cannot be enforced refuses. PostgreSQL documentation, "Streaming Replication Protocol": simple queries alone,
each a replication command or, where a database was named, SQL.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from ingress.command import Command
from ingress.errors import ClientError
from ingress.gate import Allowed, Refusal, Revoked, Waiting
from ingress.interface import Abandon, CancelTarget, Close, Finish, Frame, Record, Request, Submit
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.client_side import refusal_after_cancel
from ingress.postgres.codec import Block, ClientReader, Message, Oversized, TargetReader
from ingress.postgres.facts import Unparsable
from ingress.postgres.judge import Judge
from ingress.postgres.messages import make_error, make_ready, parse_fields, parse_query
from ingress.postgres.refusal import (
    make_decided,
    make_refusal,
    make_still_waiting,
    make_waiting,
)
from schemas.vocabulary import Facts, Intent, Obligations, Outcome

REPLICATION = "replication"
"""The statement kind of every replication command, as rules name it."""

# repl_gram.y and repl_scanner.l: what a replication command begins with; all else is SQL.
_COMMANDS = frozenset(
    (
        "alter_replication_slot",
        "base_backup",
        "create_replication_slot",
        "drop_replication_slot",
        "identify_system",
        "read_replication_slot",
        "show",
        "start_replication",
        "timeline_history",
        "upload_manifest",
    )
)
_STREAMED = frozenset((b"d", b"c", b"f"))  # of the client, while a command streams
_BUFFERED = 1024 * 1024  # bytes of the client that wait here
_FACTS = Facts(intents=(Intent.ADMIN, Intent.EXPORT), statements=(REPLICATION,))


class ReplicationConversation:
    """One command at a time: held, then streamed both ways until the target is ready for the next."""

    def __init__(
        self,
        judge: Judge,
        release: Callable[[Sequence[str]], tuple[str, Refusal] | None],
        link: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._judge = judge
        self._release = release
        self._link = link
        self._clock = clock
        self._client_reader = ClientReader()
        self._target_reader = TargetReader()
        self._held: tuple[Command, Message] | None = None
        self._running: Command | None = None
        self._cancels = 0  # asked of the target and not on their way yet
        self._error = ("", "")  # code and text of the running command's
        self._bytes = 0
        self._ran_sql = False
        self._requests: list[Request] = []
        self._for_client: list[bytes] = []
        self._for_target: list[bytes] = []
        self._closed = False

    # What comes in

    def client_data(self, data: bytes) -> None:
        """Raises ClientError."""
        self._client_reader.receive_data(data)
        self._take()

    def target_data(self, data: bytes) -> None:
        """Raises TargetError."""
        for item in self._target_reader.receive_data(data):
            self._pass(item)
        self._take()

    def waiting(self, command: str, waiting: Waiting) -> None:
        if self._held is not None:
            self._say(make_waiting(waiting, self._link(waiting.approval), self._clock()))

    def still_waits(self, command: str, waiting: Waiting) -> None:
        self._say(make_still_waiting(waiting, self._link(waiting.approval), self._clock()))

    def allowed(self, command: str, allowed: Allowed) -> None:
        if self._held is None:
            return
        held, message = self._held
        self._held = None
        if allowed.approval:
            self._say(make_decided(allowed))
        if allowed.obligations != Obligations():
            self._requests.append(Abandon(command, "its verdict has obligations"))
            self._refuse(held, _UNENFORCEABLE)
        elif (refused := self._release([command])) is not None:
            self._refuse(held, refused[1])
        else:
            self._running, self._bytes, self._error = held, 0, ("", "")
            self._requests.append(Record(Frame.COMMAND, held.text.encode()))
            self._ran_sql |= held.facts is not _FACTS
            self._for_target.append(message.raw)
        self._take()

    def refused(self, command: str, refusal: Refusal) -> None:
        if self._held is None:
            return
        held, _ = self._held
        self._held = None
        self._refuse(held, refusal)
        self._take()

    def revoked(self, command: str, revoked: Revoked) -> None:
        """What streams need not look whether it was cancelled: its session ends."""
        if self._running is not None and self._running.id == command:
            self.end(f"stopped: {revoked.words}")

    def cancel(self) -> None:
        """The client asks to stop what it waits for: a held command is withdrawn, a running one cancelled."""
        if self._running is not None:
            self._requests.append(CancelTarget())
            self._cancels += 1
        elif self._held is not None:
            held, _ = self._held
            self._held = None
            self._requests.append(Abandon(held.id, "the client cancelled it"))
            self._refuse(held, refusal_after_cancel())
            self._take()

    def cancel_sent(self) -> None:
        """Answers a CancelTarget."""
        self._cancels -= 1
        self._take()

    def catalogue_read(self, catalogue: Catalogue) -> None:
        """It is not asked for here."""
        self._judge.catalogue = catalogue

    def catalogue_news(self, catalogue: Catalogue) -> None:
        """Somebody changed the database: what is judged from now on is judged by this."""
        self._judge.catalogue = catalogue

    def time_is_up(self, command: str, turn: int) -> None:
        """No command here has a limit."""

    def end(self, message: str) -> None:
        """The session ends from our side."""
        if not self._closed:
            self._for_client.append(make_error("57P01", message, severity="FATAL"))
            self._close(message)

    def client_left(self, reason: str) -> None:
        """The client is gone."""
        if not self._closed:
            self._close(reason)

    # What goes out

    def requests(self) -> list[Request]:
        requests, self._requests = self._requests, []
        return requests

    def data_for_client(self) -> list[bytes]:
        data, self._for_client = self._for_client, []
        return data

    def data_for_target(self) -> list[bytes]:
        data, self._for_target = self._for_target, []
        return data

    @property
    def leaves_unread(self) -> bool:
        """Whether it may have changed the catalogue."""
        return self._ran_sql

    @property
    def wants_client_data(self) -> bool:
        """False while so much is buffered that the client should wait."""
        return self._client_reader.is_starved or self._client_reader.buffered < _BUFFERED

    def _take(self) -> None:
        """Takes of the client's messages what has its turn."""
        while not self._closed and self._held is None and not self._cancels:
            message = self._client_reader.next_message()
            if message is None:
                return
            if message.kind == b"X":
                self.client_left("the client left")
            elif message.kind in _STREAMED:
                if self._running is not None:  # after an error, what was under way is dropped
                    self._for_target.append(message.raw)
            elif message.kind != b"Q" or self._running is not None:
                kind = message.kind.decode("latin-1")
                raise ClientError(f"a message of type {kind} has no place now on a replication connection")
            else:
                self._hold(message)

    def _hold(self, message: Message) -> None:
        try:
            command = self._read(parse_query(message.body).decode())
        except UnicodeDecodeError:
            self._fail("22021", "the command is not text in UTF-8")
        except Unparsable as error:
            self._fail("42601", error.message)
        else:
            self._held = (command, message)
            self._requests.append(Submit(command))

    def _read(self, text: str) -> Command:
        """Raises Unparsable."""
        if _first_word(text) in _COMMANDS:
            # Servers have taken what follows a semicolon for SQL.
            if ";" in text.rstrip().removesuffix(";"):
                raise Unparsable("a replication command stands alone", 1)
            return self._judge.of_facts(text, _FACTS)
        executions = self._judge.query(text)
        if len(executions) != 1:
            raise Unparsable("a replication connection takes one statement at a time", 1)
        return executions[0].command

    def _fail(self, code: str, message: str) -> None:
        """The command is not even asked about."""
        self._say(make_error(code, message, hint="Nothing was executed."))
        self._say(make_ready(b"I"))

    def _pass(self, item: Message | Block | Oversized) -> None:
        running = self._running
        match item:
            case Block():
                self._bytes += len(item.data)
                self._for_client.append(item.data)
                return
            case Oversized():
                self.end("the target sent a message that is longer than passes the gateway")
                return
        self._for_client.append(item.raw)
        if item.kind == b"E":
            fields = parse_fields(item.body)
            self._error = (fields.get("C", ""), fields.get("M", ""))
        if item.kind == b"Z" and running is not None:
            self._finish(running, Outcome.FAILED if self._error[0] else Outcome.SUCCEEDED, *self._error)

    def _finish(self, command: Command, outcome: Outcome, code: str, error: str) -> None:
        self._running = None
        self._requests.append(Finish(command.id, outcome, 0, self._bytes, code, error, ()))

    def _refuse(self, command: Command, refusal: Refusal) -> None:
        self._requests.append(Record(Frame.COMMAND, command.text.encode()))
        self._requests.append(Record(Frame.NOTE, refusal.message.encode()))
        link = self._link(refusal.approval) if refusal.approval else ""
        self._for_client.append(make_refusal(command.id, refusal, link))
        self._for_client.append(make_ready(b"I"))

    def _say(self, message: bytes) -> None:
        self._for_client.append(message)
        self._requests.append(Record(Frame.ANSWER, message))

    def _close(self, reason: str) -> None:
        if self._held is not None:
            self._requests.append(Abandon(self._held[0].id, reason))
        if self._running is not None:
            self._requests.append(CancelTarget())
            self._finish(self._running, Outcome.UNKNOWN, "", f"no answer: {reason}")
        self._closed = True
        self._requests.append(Close(reason))


_UNENFORCEABLE = Refusal(
    message="refused: the rule sets limits or masks, which a replication connection cannot keep",
    hint="Nothing was executed. Only a rule without limits, for a resource without masks, can allow it.",
)


def _first_word(text: str) -> str:
    """Replication commands begin with their keyword; a comment is not one of its grammar's."""
    words = text.split(None, 1)
    return words[0].rstrip(";").lower() if words else ""
