"""What the gateway itself asks the target on a session's connection, between the client's messages.

Extended protocol, so that the client's unnamed statement stays (a simple query would drop it), and in the
client's own transaction, role and search path. Nothing of the answers reaches the client.
"""

from dataclasses import dataclass, field

from ingress.postgres.execution import Answer, Expected, Group, Guard, Kind
from ingress.postgres.messages import SYNC, Bind, make_bind, make_close, make_execute, make_parse

OWN = b"countersign"
"""The name of the gateway's own statement and portal, and of a portal that never is."""

_GUARD = b"countersign guard"
"""Of what may fail: it stays prepared then, for what follows is skipped, and is closed by the next."""


@dataclass(slots=True)
class Aside:
    """Messages of the gateway's own, and the answers that the target will owe for them."""

    messages: list[bytes] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)

    def ask(
        self, text: bytes, answer: Answer, *, types: tuple[int, ...] = (), bind: Bind | None = None
    ) -> None:
        """One statement; `bind`: with these parameters, `types` as the client declared them."""
        formats, parameters = (bind.formats, bind.parameters) if bind is not None else ((), ())
        self.messages += [
            make_parse(OWN, text, types),
            make_bind(OWN, OWN, formats, parameters),
            make_execute(OWN),
            make_close(b"P", OWN),
            make_close(b"S", OWN),
        ]
        for kind in (Kind.PARSE, Kind.BIND, Kind.EXECUTE, Kind.CLOSE, Kind.CLOSE):
            self.expected.append(Expected(kind, quiet=True, answer=answer))

    def guard(self, naming: bytes, comparison: bytes, guard: Guard) -> None:
        """A statement that is only parsed, and one that is run: where either fails, so does the execution."""
        self.messages += [
            make_close(b"S", _GUARD),
            make_parse(_GUARD, naming, ()),
            make_close(b"S", _GUARD),
            make_parse(_GUARD, comparison, ()),
            make_bind(_GUARD, _GUARD),
            make_execute(_GUARD),
            make_close(b"P", _GUARD),
        ]
        kinds = (Kind.CLOSE, Kind.PARSE, Kind.CLOSE, Kind.PARSE, Kind.BIND, Kind.EXECUTE, Kind.CLOSE)
        self.expected += [Expected(kind, quiet=True, answer=Answer(), guard=guard) for kind in kinds]

    def forget(self) -> None:
        """What is left of a statement that failed while it was executed."""
        self.messages.append(make_close(b"S", OWN))
        self.expected.append(Expected(Kind.CLOSE, quiet=True))

    def end(self) -> None:
        """Ends the transaction that began with what the gateway asked before a simple query, and says to the
        client what fails of it. PostgreSQL 13.19, 14.16, 15.11, 16.7 and newer take the query for a part of
        that series, which a Sync does not commit (`start_xact_command`); older ones have committed by now.
        """
        ended = Answer()
        self.messages += [
            make_close(b"S", _GUARD),
            make_parse(_GUARD, b"commit", ()),
            make_bind(_GUARD, _GUARD),
            make_execute(_GUARD),
            make_close(b"P", _GUARD),
            SYNC,
        ]
        kinds = (Kind.CLOSE, Kind.PARSE, Kind.BIND, Kind.EXECUTE, Kind.CLOSE)
        self.expected += [Expected(kind, quiet=True, answer=ended) for kind in kinds]
        self.expected.append(Expected(Kind.SYNC, answer=ended))

    def sync(self) -> None:
        """What was asked until here ends with the transaction it began, where it began one."""
        self.messages.append(SYNC)
        self.expected.append(Expected(Kind.SYNC, quiet=True))


def wrapped(group: Group, after: Aside) -> Aside:
    """The group's messages with what is asked after them: before its Sync, where it has one, and after a
    simple query with a Sync of its own."""
    messages, expected = list(group.messages), list(group.expected)
    if after.messages and group.syncs:
        return Aside(
            messages[:-1] + after.messages + messages[-1:], expected[:-1] + after.expected + expected[-1:]
        )
    if after.messages and group.simple:
        after.sync()
    return Aside(messages + after.messages, expected + after.expected)
