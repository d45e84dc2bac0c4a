"""One statement being read: what its readers share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ingress.postgres.sql.columns import UNPROVEN, Row, row_of
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.held import Held
from ingress.postgres.sql.tree import Node, kind_of
from schemas.vocabulary import Intent

NOTHING = row_of([])
"""The columns of a statement that returns no rows."""
ANYTHING = Row((), {}, UNPROVEN)
"""The columns of a statement that may return any."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """An open cursor's query, and the schemas its names were resolved in when it was declared. `held`: what
    was known of tokens in it."""

    query: str
    search_path: tuple[str, ...]
    held: Held | None = None


@dataclass(slots=True)
class Reading:
    """One statement being read, with what it depends on and what it leaves behind."""

    findings: Findings
    prepared: Mapping[str, str]
    cursors: Mapping[str, Cursor]
    text: str  # of the statement
    describe: "Callable[[str, Node, Reading], Row]"  # reads a statement within this one
    depth: int = 0  # EXECUTE of what executes …
    prepares: tuple[str, str] | None = None
    deallocates: str | None = None
    declares: tuple[str, Cursor] | None = None
    closes: str | None = None
    fetches: str | None = None


def aside(wrapped: Node, reading: Reading, keep: frozenset[Intent]) -> Row:
    """Reads a query that is not run: what it touches counts, of what it would do only `keep`."""
    findings = reading.findings
    intents, unproven = set(findings.intents), dict(findings.unproven)
    probes_unproven = findings.probes_unproven
    changes = findings.changes_context, findings.changes_catalogue
    statements = set(findings.statements)
    kind, node = kind_of(wrapped)
    row = reading.describe(kind, node, replace(reading))
    findings.statements = statements
    findings.intents = intents | (findings.intents & keep)
    if Intent.PROBE not in keep:
        findings.probes_unproven = probes_unproven
    if Intent.UNKNOWN not in keep:
        findings.unproven = unproven
        findings.changes_context, findings.changes_catalogue = changes
    return row


def is_option(option: Node, name: str) -> bool:
    return bool(option["DefElem"].get("defname", "").lower() == name)
