"""Attempts to walk around rules, read from tests/leaks/walkarounds.yaml, and the hands that make them.

An attempt is a list of steps, sent one after the other on a connection of its own:

    "text"                         a simple query
    {parse: NAME, text: T}         Parse, and so on with {bind: PORTAL, to: NAME, parameters: […]},
                                   {describe: NAME}, {describe_portal: P}, {execute: PORTAL, rows: n},
                                   {close: NAME}, {close_portal: P}, flush; `types` of a Parse: names of types
    sync                           Sync: what came since the last one is sent, and answered
    {bytes: "…"}                   a simple query of these bytes (Latin-1, \\x00 for a zero byte)

`{63}` in a text or name stands for 63 letters.
"""

import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from support.wire import Incoming

from ingress.postgres.messages import (
    FLUSH,
    SYNC,
    make,
    make_cancel_request,
    make_close,
    make_describe,
    make_password,
    make_ssl_request,
    make_startup,
    parse_backend_key,
    parse_data_row,
    parse_fields,
)

WHERE = Path(__file__).parent.parent / "leaks"
_SECONDS = 20.0
_LONG = "n" * 63
_NO_TRANSACTION = re.compile(
    r"\b(begin;|begin$|vacuum|discard all|alter system|dblink_|subscription|call sandbox|with hold)"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, and what must come of it."""

    section: str
    name: str
    steps: tuple[Any, ...]
    verdict: str  # denied, held, refused (by the gateway itself), or harmless: it runs, and does no harm
    who: str = "agent"
    resource: str = "prod"
    # What shows that it was done: `state` of what is guarded, `answer` (it had one), or a query.
    effect: str = "state"
    statements: tuple[str, ...] = ()  # that its last command is found to be, at least
    tables: tuple[str, ...] = ()
    control: bool = True  # False: it would do nothing on this server, as with syntax of another version

    def __str__(self) -> str:
        return f"{self.section}: {self.name}"

    @property
    def needs_a_database(self) -> bool:
        """Whether it does what a transaction cannot, or takes no transaction around it."""
        return any(_NO_TRANSACTION.search(step) for step in self.steps if isinstance(step, str))


def attempts() -> list[Attempt]:
    document = YAML(typ="safe").load(WHERE / "walkarounds.yaml")
    return [
        _attempt(section, {**common, **(entry if isinstance(entry, dict) else {"do": entry})})
        for section, found in document.items()
        for common in [{key: value for key, value in found.items() if key != "attempts"}]
        for entry in found["attempts"]
    ]


def _attempt(section: str, entry: dict[str, Any]) -> Attempt:
    steps = entry.pop("do")
    steps = tuple(steps) if isinstance(steps, list) else (steps,)
    for key in ("statements", "tables"):
        entry[key] = tuple(entry.get(key, "").split())
    name = entry.pop("name", "") or "; ".join(map(str, steps))
    return Attempt(section, name, steps, **entry)


@dataclass(slots=True)
class Said:
    """What came back."""

    errors: list[dict[str, str]] = field(default_factory=list)
    notices: list[dict[str, str]] = field(default_factory=list)
    rows: list[tuple[bytes | None, ...]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    ended: bool = False

    @property
    def held(self) -> bool:
        return any("held for review" in notice.get("M", "") for notice in self.notices)

    @property
    def verdict(self) -> str:
        """What the gateway made of it: held, denied, refused, failed (at the target), or harmless."""
        if self.held:
            return "held"
        for error in self.errors:
            if error.get("C") == "42501" and '"verdict": "deny"' in error.get("D", ""):
                return "denied"
        if any("Nothing was executed" in error.get("H", "") for error in self.errors) or self.ended:
            return "refused"
        return "failed" if self.errors else "harmless"


class Hands:
    """A connection that sends what no driver would. A command that is held is taken back at once."""

    def __init__(self, sock: socket.socket, cancel: Callable[[int, bytes], None]) -> None:
        self._socket = sock
        self._cancel = cancel
        self._incoming = Incoming(sock)
        self._key = (0, b"")
        self._types: dict[str, int] = {}

    @classmethod
    def through(cls, address: str, user: str, token: str, resource: str, ca: Path, name: str) -> "Hands":
        """Through the gateway. Raises ConnectionError."""
        host, _, port = address.rpartition(":")

        def connected() -> ssl.SSLSocket:
            plain = socket.create_connection((host, int(port)), timeout=_SECONDS)
            plain.sendall(make_ssl_request())
            assert plain.recv(1) == b"S"
            return ssl.create_default_context(cafile=str(ca)).wrap_socket(plain, server_hostname=host)

        def cancel(pid: int, secret: bytes) -> None:
            with connected() as sock:
                sock.sendall(make_cancel_request(pid, secret))
                sock.recv(1)

        sock = connected()
        sock.sendall(make_startup({"user": user, "database": resource, "application_name": name}))
        hands = cls(sock, cancel)
        hands._expect(b"R")
        sock.sendall(make_password(token.encode()))
        hands._begin()
        return hands

    @classmethod
    def directly(cls, path: Path, user: str, database: str) -> "Hands":
        """To PostgreSQL itself, by its Unix socket, which trusts anyone."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(_SECONDS)
        sock.connect(str(path))
        sock.sendall(make_startup({"user": user, "database": database}))
        hands = cls(sock, lambda pid, secret: None)
        hands._begin()
        return hands

    def close(self) -> None:
        self._socket.close()

    def learn_types(self, types: dict[str, int]) -> None:
        """OIDs by name, for `types` of a Parse."""
        self._types = types

    def say(self, text: str) -> Said:
        """A simple query."""
        said = Said()
        self._exchange([make(b"Q", text.encode() + b"\0")], said)
        return said

    def make(self, attempt: Attempt) -> Said:
        """Makes an attempt, up to the first step that is refused."""
        said = Said()
        batch: list[bytes] = []
        try:
            for step in attempt.steps:
                if step == "sync":
                    self._exchange([*batch, SYNC], said)
                    batch = []
                elif isinstance(step, str):
                    self._exchange([make(b"Q", step.replace("{63}", _LONG).encode() + b"\0")], said)
                elif "bytes" in step:
                    self._exchange([make(b"Q", step["bytes"].encode("latin-1") + b"\0")], said)
                elif "message" in step:
                    self._exchange([make(step["message"].encode(), bytes.fromhex(step["hex"]))], said)
                else:
                    batch.append(self._message(step))
                if said.errors:
                    break
        except (ConnectionError, ssl.SSLError):
            said.ended = True
        return said

    def _message(self, step: dict[str, Any]) -> bytes:
        def name(key: str) -> bytes:
            return str(step[key]).replace("{63}", _LONG).encode("latin-1")

        match next(iter(step)):
            case "parse":
                oids = [self._types[type] for type in step.get("types", ())]
                tail = struct.pack(f"!h{len(oids)}I", len(oids), *oids)
                return make(b"P", name("parse") + b"\0" + str(step["text"]).encode() + b"\0" + tail)
            case "bind":
                values = [str(value).encode() for value in step.get("parameters", ())]
                packed = b"".join(struct.pack("!i", len(value)) + value for value in values)
                counts = struct.pack("!hh", 0, len(values))
                return make(b"B", name("bind") + b"\0" + name("to") + b"\0" + counts + packed + b"\0\0")
            case "describe":
                return make_describe(b"S", name("describe"))
            case "describe_portal":
                return make_describe(b"P", name("describe_portal"))
            case "execute":
                return make(b"E", name("execute") + b"\0" + struct.pack("!i", step.get("rows", 0)))
            case "close":
                return make_close(b"S", name("close"))
            case "close_portal":
                return make_close(b"P", name("close_portal"))
            case "flush":
                return FLUSH
        raise ValueError(f"a step that is not known: {step}")

    def _begin(self) -> None:
        for kind, body in self._messages():
            if kind == b"K":
                self._key = parse_backend_key(body)
            if kind == b"E":
                raise ConnectionError(parse_fields(body).get("M"))
            if kind == b"Z":
                return

    def _expect(self, wanted: bytes) -> None:
        kind, body = next(self._messages())
        if kind != wanted:
            raise ConnectionError(body)

    def _exchange(self, messages: list[bytes], said: Said) -> None:
        self._socket.sendall(b"".join(messages))
        for kind, body in self._messages():
            match kind:
                case b"E":
                    said.errors.append(parse_fields(body))
                case b"N":
                    said.notices.append(parse_fields(body))
                    if "held for review" in said.notices[-1].get("M", ""):
                        self._cancel(*self._key)
                case b"D":
                    said.rows.append(parse_data_row(body))
                case b"C":
                    said.tags.append(body.rstrip(b"\0").decode())
                case b"d":
                    said.rows.append((body,))
                case b"G":
                    self._socket.sendall(make(b"d", b"1\n") + make(b"c"))
                case b"Z":
                    return

    def _messages(self) -> Iterator[tuple[bytes, bytes]]:
        while True:
            yield self._incoming.message()
