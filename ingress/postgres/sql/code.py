"""What can be seen in a block of code that is not read: words of SQL, and names of relations.

Nothing is proven by it, and a block is unknown whatever it shows. It lets a rule that denies a table, DDL, or
DROP TABLE, deny a block that says so openly.
"""

from collections.abc import Iterator
from itertools import pairwise

from pglast import parser

from ingress.postgres.sql.findings import Findings
from schemas.vocabulary import Intent

_WRITE, _BULK = frozenset({Intent.WRITE}), frozenset({Intent.WRITE, Intent.BULK_WRITE})
_SEEN = {
    "INSERT": _WRITE,
    "UPDATE": _WRITE,
    "DELETE_P": _WRITE,
    "MERGE": _WRITE,
    "TRUNCATE": _BULK,
    "COPY": frozenset({Intent.EXPORT}),
    "PROGRAM": frozenset({Intent.EXEC}),
    "CREATE": frozenset({Intent.DDL}),
    "ALTER": frozenset({Intent.DDL}),
    "DROP": frozenset({Intent.DDL}),
    "GRANT": frozenset({Intent.ADMIN}),
    "REVOKE": frozenset({Intent.ADMIN}),
}
# Statements that one word tells, and those that two do.
_ONE_WORD = {
    "INSERT": "insert",
    "UPDATE": "update",
    "DELETE_P": "delete",
    "MERGE": "merge",
    "TRUNCATE": "truncate",
    "COPY": "copy",
    "GRANT": "grant",
    "REVOKE": "revoke",
}
_VERBS = {"CREATE": "create", "ALTER": "alter", "DROP": "drop"}
_THINGS = {
    "TABLE",
    "VIEW",
    "SCHEMA",
    "DATABASE",
    "FUNCTION",
    "ROLE",
    "INDEX",
    "SEQUENCE",
    "TRIGGER",
    "EXTENSION",
}


def note_code(code: str, findings: Findings) -> None:
    """Notes what the words of a block of code say."""
    tokens = _scan(code)
    for token in tokens:
        findings.intents |= _SEEN.get(token.name, frozenset())
        if token.name in _ONE_WORD:
            findings.statements.add(_ONE_WORD[token.name])
    for verb, thing in pairwise(tokens):
        if verb.name in _VERBS and thing.name.removesuffix("_P") in _THINGS:
            findings.statements.add(f"{_VERBS[verb.name]}_{thing.name.removesuffix('_P').lower()}")
    note_relations(code, findings)


def note_relations(code: str, findings: Findings) -> None:
    """Notes the relations whose names stand in a piece of code."""
    for name in _names(code):
        for relation in findings.catalogue.relations_named(name):
            findings.use_relation(relation)


def _names(code: str) -> Iterator[str]:
    for token in _scan(code):
        if token.name in ("IDENT", "UIDENT") or token.kind != "NO_KEYWORD":
            word = code[token.start : token.end + 1]
            yield word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def _scan(code: str) -> list[parser.Token]:
    try:
        return list(parser.scan(code))
    except parser.ParseError:  # no SQL: another language, or a quote left open; the block is unknown anyway
        return []
