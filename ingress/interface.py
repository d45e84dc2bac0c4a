"""What a protocol's conversation asks for, and what it is told: the words between a protocol's sans-IO
code and the I/O around it.

A conversation takes bytes of the client and of the target, and answers with bytes for both and with
requests. The session carries the requests out and tells what came of them.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ingress.command import Command
from ingress.gate import Allowed, Refusal, Revoked, Waiting
from schemas.vocabulary import MaskedField, Outcome


class Frame(IntEnum):
    """What a frame of a recording holds."""

    COMMAND = 0  # the command's text, UTF-8, as events may show it
    ANSWER = 1  # bytes of the answer in the protocol's own form, masked
    NOTE = 2  # UTF-8: a refusal, a decision
    FILE = 3  # what went through an open file, masked; its form: ingress/ssh/transfers.py


@dataclass(frozen=True, slots=True)
class Submit:
    """Ask for the verdict on this command."""

    command: Command


@dataclass(frozen=True, slots=True)
class Abandon:
    """The command will not be sent to its target."""

    command: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """A command that was sent to its target ended."""

    command: str
    outcome: Outcome
    rows: int
    bytes: int
    error_code: str
    error: str
    masked: tuple[MaskedField, ...]
    limit: str = ""  # the limit at which it was stopped: "rows", "bytes", "time", "block:NAME"
    limit_rule: str = ""  # the rule that set it


@dataclass(frozen=True, slots=True)
class Record:
    """Put this into the session's recording."""

    frame: Frame
    data: bytes


@dataclass(frozen=True, slots=True)
class CancelTarget:
    """Ask the target to stop what it is running, and call `cancel_sent` when it was asked."""


@dataclass(frozen=True, slots=True)
class ReadCatalogue:
    """Names may mean something else now: read the catalogue again and say so."""


@dataclass(frozen=True, slots=True)
class Question:
    """A text for the target, and its one parameter."""

    text: str
    parameter: str


@dataclass(frozen=True, slots=True)
class AskBeside:
    """Ask the target these beside the session's connection, under these settings, and say what it answers."""

    settings: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Narrow:
    """Let the session do at the target what this command needs and nothing else, and say what came of that.
    `needs`: in the protocol's own words; None: the command is over, and the session may do again what it
    could before."""

    command: str
    needs: object | None


@dataclass(frozen=True, slots=True)
class StopAfter:
    """Call `time_is_up(command, turn)` when this many seconds have passed."""

    command: str
    seconds: float
    turn: int  # which run of the command this is about: a portal is read in steps


@dataclass(frozen=True, slots=True)
class Estimated:
    """What the target's planner thinks of a command that waits for a reviewer."""

    command: str
    rows: int
    cost: float  # in the target's own units


@dataclass(frozen=True, slots=True)
class Close:
    """End the session once what is to be sent has been sent."""

    reason: str


Request = (
    Submit
    | Abandon
    | Finish
    | Record
    | CancelTarget
    | ReadCatalogue
    | AskBeside
    | Narrow
    | StopAfter
    | Estimated
    | Close
)


class Conversation(Protocol):
    """One session between a client and a target, after both have signed in. No I/O.

    Errors: `client_data` raises ClientError and `target_data` raises TargetError; both end the session.
    """

    def client_data(self, data: bytes) -> None: ...
    def target_data(self, data: bytes) -> None: ...
    def waiting(self, command: str, waiting: Waiting) -> None: ...
    def still_waits(self, command: str, waiting: Waiting) -> None: ...
    def allowed(self, command: str, allowed: Allowed) -> None: ...
    def refused(self, command: str, refusal: Refusal) -> None: ...
    def revoked(self, command: str, revoked: Revoked) -> None: ...
    def cancel(self) -> None: ...
    def cancel_sent(self) -> None: ...
    def time_is_up(self, command: str, turn: int) -> None: ...
    def client_left(self, reason: str) -> None: ...
    def end(self, message: str) -> None: ...
    def requests(self) -> Iterable[Request]: ...
    def data_for_client(self) -> list[bytes]: ...
    def data_for_target(self) -> list[bytes]: ...
    @property
    def wants_client_data(self) -> bool: ...


class Endpoint(Protocol):
    """What serves a protocol's clients. One for each listener of an ingress."""

    async def start(self) -> None: ...
    async def stop(self, reason: str) -> None: ...
    async def serve(self, sock: socket.socket) -> None: ...
