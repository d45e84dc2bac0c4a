"""A PostgreSQL conversation played line by line: what the client and the target say, what comes of it.

The target answers by itself what only the gateway asks it (search path and role).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from ingress.command import Command
from ingress.gate import Allowed, Refusal, Waiting
from ingress.interface import CancelTarget, ReadCatalogue, Request, Submit
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.codec import Block, ClientReader, Message, TargetReader
from ingress.postgres.conversation import PostgresConversation
from ingress.postgres.judge import FactsCache, Judge, Subject
from ingress.postgres.messages import make, parse_parse, parse_query
from ingress.postgres.narrowing import Narrowing
from ingress.postgres.sql.settings import MEANING
from processors.masking.tokens import Tokens
from schemas.vocabulary import MaskingPlan, Obligations, SensitiveColumn

R = TypeVar("R")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_CONTEXT_ROW = (b"pg_catalog\x01public", b"app", b"on", b"\x01".join([b"x"] * len(MEANING)))


def row(*values: bytes) -> bytes:
    """A DataRow."""
    fields = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    return make(b"D", len(values).to_bytes(2, "big") + fields)


def complete(tag: str) -> bytes:
    return make(b"C", tag.encode() + b"\0")


def ready(status: bytes = b"I") -> bytes:
    return make(b"Z", status)


GUARD = [*map(make, (b"3", b"1", b"3", b"1", b"2")), row(b"1"), complete("SELECT 1"), make(b"3")]
"""The target's answers where what a command names is as it was judged."""

ENDED = [*map(make, (b"3", b"1", b"2")), complete("COMMIT"), make(b"3"), ready()]
"""The target's answers where the gateway ends the transaction of a simple query."""


class Playbook:
    """One session. `allow`: commands are allowed at once, unless a test decides itself."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        allow: bool = True,
        obligations: Obligations | None = None,
        base_plan: MaskingPlan | None = None,
        tokens: Tokens | None = None,
        sensitive: tuple[SensitiveColumn, ...] = (),
        encoding: str = "UTF8",
        privileges: str = "role",
    ) -> None:
        self._allow = allow
        self._obligations = obligations or Obligations()
        self._numbers = iter(range(1, 1_000_000))
        self._catalogue = catalogue
        self.commands: list[Command] = []
        self.requests: list[Request] = []
        self.expired: set[str] = set()  # the gate refuses these at the last moment
        self._told_client = ClientOf()
        self._told_target = TargetOf()
        subject = Subject("agent-7", "orders", "orders", sensitive, (), tokens)
        self.conversation = PostgresConversation(
            judge=Judge(subject, FactsCache(), lambda: f"c{next(self._numbers)}", catalogue),
            base_plan=base_plan or MaskingPlan(),
            release=self._release,
            link=lambda approval: f"https://gw/approvals/{approval}",
            clock=lambda: NOW,
            parameters={"client_encoding": encoding, "application_name": "agent-7/session psql"},
            client_name="psql",
            narrowing=Narrowing(privileges, "app"),
        )

    def client(self, *messages: bytes) -> None:
        """The client sends these."""
        self.conversation.client_data(b"".join(messages))
        self._work()

    def target(self, *messages: bytes) -> None:
        """The target answers this."""
        self.conversation.target_data(b"".join(messages))
        self._work()

    def allow(self, command: str, obligations: Obligations | None = None, approval: str = "") -> None:
        people = ("dana",) if approval else ()
        allowed = Allowed(obligations or self._obligations, approval, people, "fine" if approval else "")
        self.conversation.allowed(command, allowed)
        self._work()

    def refuse(self, command: str, message: str = "no") -> None:
        self.conversation.refused(command, Refusal(message, "Nothing was executed.", rule="r"))
        self._work()

    def wait(self, command: str, approval: str = "a1") -> None:
        self.conversation.waiting(command, Waiting(approval, "r", ("dba",), NOW))
        self._work()

    def to_client(self) -> list[Message]:
        """What the client was sent since the last time."""
        return self._told_client.take()

    def to_target(self) -> list[Message]:
        """What the target was sent since the last time, without what the gateway asks for itself."""
        return self._told_target.take()

    def own_messages(self) -> list[Message]:
        """What the gateway asked the target for itself since the last time, but for role and search path."""
        return self._told_target.take_own()

    def own_statements(self) -> list[bytes]:
        """The texts among these."""
        return [parse_parse(one.body).text for one in self.own_messages() if one.kind == b"P"]

    def kinds_to_client(self) -> str:
        return "".join(message.kind.decode() for message in self.to_client())

    def kinds_to_target(self) -> str:
        return "".join(message.kind.decode() for message in self.to_target())

    def of(self, kind: type[R]) -> list[R]:
        return [request for request in self.requests if isinstance(request, kind)]

    def _release(self, commands: Sequence[str]) -> tuple[str, Refusal] | None:
        for command in commands:
            if command in self.expired:
                return command, Refusal("expired", "Nothing was executed.")
        return None

    def _work(self) -> None:
        """Carries out what the conversation asks for, as a session would."""
        while True:
            for data in self.conversation.data_for_client():
                self._told_client.feed(data)
            asks_context = False
            for data in self.conversation.data_for_target():
                asks_context |= self._told_target.feed(data)
            requests = self.conversation.requests()
            if not requests and not asks_context:
                return
            for request in requests:
                self.requests.append(request)
                if isinstance(request, Submit):
                    self.commands.append(request.command)
                    if self._allow:
                        self.conversation.allowed(request.command.id, Allowed(self._obligations, "", (), ""))
                elif isinstance(request, CancelTarget) and self.cancels_arrive:
                    self.conversation.cancel_sent()
                elif isinstance(request, ReadCatalogue):
                    self.conversation.catalogue_read(self._catalogue)
            if asks_context:
                synced = self._told_target.context_synced
                values = [*_CONTEXT_ROW, *([self.fingerprint] if self._told_target.wants_fingerprint else [])]
                answers = [make(b"1"), make(b"2"), row(*values), complete("SELECT 1")]
                answers += [make(b"3"), make(b"3"), *([ready(self.status)] if synced else [])]
                self.conversation.target_data(b"".join(answers))

    cancels_arrive = True  # at the target, at once
    fingerprint = b""  # of the catalogue, as the transaction sees it
    status = b"I"  # of the transaction, when the gateway asks for the context


class ClientOf:
    """Messages to the client, rows taken apart."""

    def __init__(self) -> None:
        self._reader = TargetReader()
        self._messages: list[Message] = []

    def feed(self, data: bytes) -> None:
        for item in self._reader.receive_data(data):
            if isinstance(item, Message):
                self._messages.append(item)
                continue
            assert isinstance(item, Block)
            position = 0
            while position < len(item.data):
                length = int.from_bytes(item.data[position + 1 : position + 5], "big")
                self._messages.append(Message(item.kind, item.data[position + 5 : position + 1 + length]))
                position += 1 + length

    def take(self) -> list[Message]:
        messages, self._messages = self._messages, []
        return messages


class TargetOf:
    """Messages to the target; those of the gateway's own statements are counted apart."""

    def __init__(self) -> None:
        self._reader = ClientReader()
        self._messages: list[Message] = []
        self._own: list[Message] = []
        self._left = 0  # messages of one question of the gateway's still to come
        self._is_context = False
        self._asked_last = False  # the message before ended a question
        self.context_synced = False
        self.wants_fingerprint = False

    def feed(self, data: bytes) -> bool:
        """Whether the gateway's question for the context is now complete."""
        self._reader.receive_data(data)
        asked = False
        while (message := self._reader.next_message()) is not None:
            if message.kind == b"P" and message.body.startswith(b"countersign\0"):
                self._left, self._is_context = 5, b"current_schemas" in message.body  # P B E C C
            elif not self._left and message.kind == b"C" and message.body == b"Scountersign guard\0":
                self._left, self._is_context = 7, False  # C P C P B E C
            if self._left:
                self._left -= 1
                self._asked_last = not self._left
                if self._is_context and message.kind == b"P":
                    self.wants_fingerprint = b"fingerprint" in message.body
                if not self._is_context:
                    self._own.append(message)
                continue
            if self._asked_last and message.kind in (b"S", b"H") and self._is_context:
                asked, self.context_synced = True, message.kind == b"S"
            elif self._asked_last and message.kind == b"S":
                self._own.append(message)
            else:
                self._messages.append(message)
            self._asked_last = False
        return asked

    def take(self) -> list[Message]:
        messages, self._messages = self._messages, []
        return messages

    def take_own(self) -> list[Message]:
        messages, self._own = self._own, []
        return messages


def texts(messages: Sequence[Message]) -> list[str]:
    """The texts of the queries among these."""
    return [parse_query(message.body).decode() for message in messages if message.kind == b"Q"]
