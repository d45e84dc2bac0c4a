"""Prepared statements and portals of one session, exactly as the target has them.

A name means what the target last confirmed. What a Parse, Bind or Close asks for is provisional until
its answer comes: later messages of the same series see it, and an error takes it back. Were it otherwise,
a Parse that the target refuses (the name is taken) could make an Execute run another text than was judged.
"""

import contextlib
from dataclasses import dataclass, field

from ingress.postgres.facts import Cursor, Statement
from ingress.postgres.messages import Bind
from ingress.postgres.reasons import Reasons
from ingress.postgres.sql.held import Literal, with_parameters


@dataclass(eq=False, slots=True)
class Prepared:
    """A prepared statement. `description`: the RowDescription's body, once the target gave it.

    `first`: what it was found to be when the target parsed it; `strings`: whether a backslash in a string was
    an ordinary character then (standard_conforming_strings).
    """

    text: str
    types: tuple[int, ...] = ()  # OIDs of the parameters, as far as the client said
    description: bytes | None = None
    first: Statement | None = None
    strings: bool = True

    @property
    def literals(self) -> tuple[Literal, ...]:
        """The tokens in its text that are parameters of the gateway's at the target: the last ones it has."""
        return self.first.revealed.literals if self.first is not None else ()

    @property
    def highest(self) -> int:
        """The number of its client's last parameter."""
        named = self.first.revealed.highest if self.first is not None else 0
        return max(named, len(self.types))

    @property
    def sent(self) -> str:
        """The text as the target has it."""
        return with_parameters(self.text, self.literals, self.highest)


@dataclass(eq=False, slots=True)
class Portal:
    """A bound statement. `execution` is set while it is suspended, and is the gateway's own."""

    prepared: Prepared
    bind: Bind
    description: bytes | None = None
    execution: object | None = None


@dataclass(eq=False, slots=True)
class Change:
    """One thing asked of the target: a name gets a value, or (None) is closed."""

    kind: bytes  # b"S" or b"P"
    name: bytes
    value: Prepared | Portal | None


@dataclass(slots=True)
class Namespace:
    """Names -> statements and portals."""

    _confirmed: dict[tuple[bytes, bytes], Prepared | Portal] = field(default_factory=dict)
    _provisional: list[Change] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)  # of SQL's DECLARE, by name

    reasons: Reasons = field(default_factory=Reasons)  # why the session's commands are wanted

    def ask(self, change: Change) -> Change:
        change.name = _cut(change.name)
        self._provisional.append(change)
        return change

    def confirm(self, change: Change) -> None:
        """The target did it."""
        self._provisional.remove(change)
        if change.value is None:
            self._confirmed.pop((change.kind, change.name), None)
        else:
            self._confirmed[change.kind, change.name] = change.value

    def take_back(self, change: Change) -> None:
        """The target did not do it."""
        self._provisional.remove(change)

    def statement(self, name: bytes) -> Prepared | None:
        found = self._find(b"S", name)
        return found if isinstance(found, Prepared) else None

    def portal(self, name: bytes) -> Portal | None:
        found = self._find(b"P", name)
        return found if isinstance(found, Portal) else None

    def _find(self, kind: bytes, name: bytes) -> Prepared | Portal | None:
        name = _cut(name)
        for change in reversed(self._provisional):
            if change.kind == kind and change.name == name:
                return change.value
        return self._confirmed.get((kind, name))

    def prepare(self, name: str, text: str, first: Statement) -> None:
        """SQL's PREPARE, which is `first`, did this: statements of the protocol and of SQL share their names.

        Where it was not certain how the target reads its text, nothing is known of what was prepared.
        """
        if first.facts.unproven:
            self.deallocate(name)
        else:
            self._confirmed[b"S", _cut(name.encode())] = Prepared(text, first=first)

    def deallocate(self, name: str) -> None:
        """SQL's DEALLOCATE; "" means all."""
        if name:
            self._confirmed.pop((b"S", _cut(name.encode())), None)
            return
        for key in [key for key in self._confirmed if key[0] == b"S"]:
            del self._confirmed[key]

    def declare(self, name: str, cursor: Cursor) -> None:
        """SQL's DECLARE did this: cursors of SQL and portals of the protocol share their names."""
        self.close_cursor(name)
        self.cursors[name] = cursor

    def close_cursor(self, name: str) -> None:
        """SQL's CLOSE, of a cursor or portal; "" means all."""
        if name:
            self.cursors.pop(name, None)
            self._confirmed.pop((b"P", _cut(name.encode())), None)
            return
        self.cursors.clear()
        self._drop_portals()

    def drop_unnamed(self) -> None:
        """A simple query ends the unnamed statement and portal."""
        self._confirmed.pop((b"S", b""), None)
        self._confirmed.pop((b"P", b""), None)

    def end_transaction(self) -> None:
        """Portals do not outlive their transaction; of a cursor WITH HOLD nothing is then proven."""
        self.cursors.clear()
        self.reasons.end_transaction()
        self._drop_portals()

    def _drop_portals(self) -> None:
        for key in [key for key in self._confirmed if key[0] == b"P"]:
            del self._confirmed[key]

    def firsts(self) -> dict[str, Statement]:
        """What the named prepared statements were when the target parsed them."""
        return {
            name.decode("utf-8", "replace"): value.first
            for (kind, name), value in self._confirmed.items()
            if kind == b"S" and name and isinstance(value, Prepared) and value.first is not None
        }

    def texts(self) -> dict[str, str]:
        """Every named prepared statement's text, for EXECUTE."""
        found = {}
        for (kind, name), value in self._confirmed.items():
            if kind == b"S" and name and isinstance(value, Prepared):
                with contextlib.suppress(UnicodeDecodeError):  # SQL cannot name it
                    found[name.decode()] = value.sent
        return found


_LONGEST = 63  # bytes


def _cut(name: bytes) -> bytes:
    """A name as the target keeps it: its tables of statements and portals have keys of NAMEDATALEN bytes,
    with the zero at their end (prepare.c, portalmem.c), so that longer names can be one."""
    return name[:_LONGEST]
