"""What can be seen in a block of code that is not read: words of SQL, and names of relations.

Nothing is proven by it, and a block is unknown whatever it shows. It lets a rule that denies a table, or DDL,
deny a block that says so openly.
"""

from pglast import parser

from ingress.postgres.findings import Findings
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


def note_code(code: str, findings: Findings) -> None:
    """Notes what the words of a block of code say."""
    try:
        tokens = parser.scan(code)
    except parser.ParseError:  # no SQL: another language, or a quote left open; the block is unknown anyway
        return
    for token in tokens:
        findings.intents |= _SEEN.get(token.name, frozenset())
        if token.name in ("IDENT", "UIDENT") or token.kind != "NO_KEYWORD":
            word = code[token.start : token.end + 1]
            name = word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()
            for relation in findings.catalogue.relations_named(name):
                findings.use_relation(relation)
