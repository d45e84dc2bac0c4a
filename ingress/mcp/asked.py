"""A request of a client to an MCP server, as far as its head says, and what it takes to carry it out."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.config import Config
from infra.config.resources import McpServer
from ingress.mcp import words
from ingress.mcp.bindings import Bindings
from ingress.mcp.facts import Known
from ingress.mcp.headers import VERSION, sent_fields
from ingress.mcp.held import HeldCalls
from ingress.mcp.judge import Subject, sent_body
from ingress.mcp.listing import Listings
from ingress.mcp.manner import McpManner
from ingress.mcp.messages import Id, Message, Notification, Request, encode
from ingress.mcp.pins import PinStore
from ingress.mcp.refusal import McpWords
from ingress.mcp.sent import Key, SentIds
from ingress.mcp.servers import Server
from ingress.session import Services
from ingress.web.call import Call
from ingress.web.paths import RequestTarget
from ingress.web.sinks import ClientSink
from ingress.web.strict import Head
from ingress.web.visits import Visit
from processors.masking.masks import Mask
from schemas.ids import uuid7

EVENTS = b"text/event-stream"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of one ingress share. `key`: what ids are signed with."""

    config: Config
    services: Services
    masks: Mapping[str, Mask]
    pins: PinStore
    held: HeldCalls
    listings: Listings
    sent: SentIds
    key: bytes

    def new_id(self) -> str:
        return uuid7(self.services.clock())


@dataclass(frozen=True, slots=True)
class Asked:
    """`session`: the server's id, or empty."""

    head: Head
    server: Server
    mcp: McpServer
    visit: Visit
    bindings: Bindings
    session: str
    sink: ClientSink

    @property
    def resource(self) -> str:
        return self.server.resource.name

    @property
    def streams(self) -> bool:
        """Whether the client takes server-sent events."""
        return EVENTS in (self.head.field(b"accept") or b"").lower()

    def key(self, id: Id) -> Key:
        """Of a request that the client knows by this id."""
        return self.visit.principal, self.resource, self.session, id

    def subject(self, pins: PinStore) -> Subject:
        """Whose messages these are. Raises DamagedPins."""
        detectors = self.server.resource.sensitive.detect
        known = Known(self.mcp.tools, pins.of(self.resource), self.server.selectors)
        return Subject(self.visit.principal.name, self.resource, detectors, known)

    def manner(
        self, masks: Mapping[str, Mask], message: Message | None, sent: str, *, answers: bool = False
    ) -> McpManner:
        """`sent`: what the server knows a request by. `answers`: the stream goes on with others' answers."""
        id = message.id if isinstance(message, Request) else None

        def bind(event: str) -> str | None:
            return self.bindings.bind_event(self.session, event, answers=answers or id is not None)

        return McpManner(
            server=self.server,
            masks=masks,
            words=McpWords(message),
            method=method_of(message),
            bind=bind,
            id=sent if id is not None else "",
            known_as=id,
            any_answer=answers,
        )

    def call(self, message: Message | None, sent: str, last_event: str = "") -> Call:
        """What is sent."""
        body = encode(sent_body(message, sent)) if message is not None else None
        fields = sent_fields(
            version=self.head.field(VERSION),
            session=self.session,
            last_event=last_event,
            has_body=body is not None,
        )
        return Call(self.head.method, RequestTarget(self.mcp.path, None), fields, body)


def method_of(message: Message | None) -> str:
    """Of JSON-RPC, or the word for what has none."""
    if message is None:
        return words.STREAM
    return message.method if isinstance(message, (Request, Notification)) else words.ANSWER
