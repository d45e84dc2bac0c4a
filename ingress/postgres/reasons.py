"""Why a requester wants a command, in their own words: in a comment of the statement, or for the session.

    /* reason: count what is open, ticket: OPS-12 */ select count(*) from orders
    /* unmask: public.customers.email, reason: OPS-12 */ select email from customers where id = 7
    SET countersign.reason = 'count what is open'     -- until it is set again; SET LOCAL: for the transaction

PostgreSQL takes any setting with a dot in its name (documentation, "Customized Options"), so SHOW has it too.
What is set counts as it stands in the statement: a setting that was computed is nobody's words. An unmasked
answer is asked for in the statement itself, and for it alone.
"""

import re
from dataclasses import dataclass, field, replace

from pglast import parser

from ingress.postgres.sql.tree import Unparsable, kind_of, parse

SETTINGS = {"countersign.reason": "reason", "countersign.ticket": "ticket"}
LONGEST = 1000  # characters kept

_KEY = re.compile(r"(?:^|[,;\n])\s*(reason|ticket|unmask)\s*:", re.IGNORECASE)
_MAY_SET = re.compile(r"\b(?:re)?set\b.*\bcountersign\b", re.IGNORECASE | re.DOTALL)
_MAY_SAY = re.compile(r"(?:reason|ticket|unmask)\s*:", re.IGNORECASE)
_COMMENTS = ("C_COMMENT", "SQL_COMMENT")


@dataclass(frozen=True, slots=True)
class Why:
    """A reason, and the ticket that has more of it; empty where none was given. `unmask`: the columns that a
    statement asks to see unmasked, as "schema.table.column"."""

    reason: str = ""
    ticket: str = ""
    unmask: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What a statement sets for the commands after it."""

    key: str  # a field of Why
    value: str
    is_local: bool


@dataclass(slots=True)
class Reasons:
    """The reasons of one session."""

    session: Why = field(default_factory=Why)
    transaction: Why = field(default_factory=Why)

    def give(self, given: Given) -> None:
        """A SET that succeeded. One that is rolled back later still counts: it was said."""
        if given.is_local:
            self.transaction = _with(self.transaction, given.key, given.value)
        else:
            self.session = _with(self.session, given.key, given.value)

    def end_transaction(self) -> None:
        self.transaction = Why()

    def of(self, text: str) -> Why:
        """The reason for one statement: its own comment before the transaction's, before the session's."""
        own = said_in(text)
        return Why(
            own.reason or self.transaction.reason or self.session.reason,
            own.ticket or self.transaction.ticket or self.session.ticket,
            own.unmask,
        )


def _with(why: Why, key: str, value: str) -> Why:
    """`why` with another reason or (`key`: "ticket") another ticket."""
    return replace(why, reason=value) if key == "reason" else replace(why, ticket=value)


def said_in(text: str) -> Why:
    """What the comments of a statement say; the first of several."""
    if not _MAY_SAY.search(text):
        return Why()
    found: dict[str, str] = {}
    try:
        comments = [token for token in parser.scan(text) if token.name in _COMMENTS]
    except parser.ParseError:
        return Why()
    for token in comments:
        comment = text[token.start : token.end + 1].removeprefix("--").removeprefix("/*").removesuffix("*/")
        keys = list(_KEY.finditer(comment))
        for number, key in enumerate(keys, start=1):
            end = keys[number].start() if number < len(keys) else len(comment)
            found.setdefault(key[1].lower(), clean(comment[key.end() : end]))
    columns = (column.strip() for column in found.get("unmask", "").split(","))
    return Why(
        found.get("reason", ""),
        found.get("ticket", ""),
        tuple(sorted({column for column in columns if column})),
    )


def set_by(text: str) -> Given | None:
    """What a SET or RESET of one of SETTINGS gives; None for any other statement."""
    if not _MAY_SET.search(text):
        return None
    try:
        sources = parse(text)
    except Unparsable:
        return None
    if len(sources) != 1 or sources[0].kind != "VariableSetStmt":
        return None
    node = sources[0].node
    key = SETTINGS.get(node.get("name", "").lower())
    if key is None:
        return None
    value = ""
    for argument in node.get("args", ()):
        kind, constant = kind_of(argument)
        if kind == "A_Const":
            value = constant.get("sval", {}).get("sval", "")
    return Given(key, clean(value), bool(node.get("is_local")))


def clean(words: str) -> str:
    """Words on one line, without what a terminal would obey, and not too many."""
    shown = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(shown.split())[:LONGEST]
