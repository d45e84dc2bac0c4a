"""The corpus of facts: what each text of tests/corpus/facts.yaml is found to do.

A case is a text and one answer a statement: its intents, the kinds of statement, and, where they are not
empty, tables, programs, outputs ("name < sources", `?` where not proven, `*` for any sources; `open` where
the columns are not certain), the sealed text, secret parameters, and whether something is unproven or
changed. "public." is left out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.facts import Context, Statement, analyse
from schemas.vocabulary import SensitiveColumn

CORPUS = Path(__file__).parent.parent / "corpus"
SENSITIVE = tuple(
    SensitiveColumn(pattern, "full")
    for pattern in (
        "public.customers.email",
        "public.customers.card",
        "public.payments.card",
        "public.profiles.card",
        "vault.secrets.value",
        "*.*.ssn",
    )
)
CONTEXT = Context(search_path=("pg_catalog", "public"), role="app")


@dataclass(frozen=True, slots=True)
class Case:
    section: str
    sql: str
    expected: list[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.section}: {self.sql}"


def cases() -> list[Case]:
    document = YAML(typ="safe").load(CORPUS / "facts.yaml")
    return [Case(section, case["sql"], case["is"]) for section, found in document.items() for case in found]


def found(sql: str, catalogue: Catalogue) -> list[dict[str, Any]]:
    """What the text is found to do, in the corpus's words."""
    return [_described(statement) for statement in analyse(sql, catalogue, CONTEXT, SENSITIVE)]


def expected_of(case: Case, answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the case expects, with what it leaves open taken from the answer."""
    filled = []
    for number, expected in enumerate(case.expected):
        given = answer[number] if number < len(answer) else {}
        outputs = [
            actual if "*" in wanted and _same_but_sources(wanted, actual) else wanted
            for wanted, actual in zip(expected.get("outputs", []), given.get("outputs", []), strict=False)
        ]
        rest = expected.get("outputs", [])[len(outputs) :]
        merged = {**expected, "outputs": [*outputs, *rest]} if "outputs" in expected else dict(expected)
        if expected.get("tables") == "*":
            merged["tables"] = given.get("tables")
        filled.append(merged)
    return filled


def _same_but_sources(wanted: str, actual: str) -> bool:
    return wanted.split(" < ")[0] == actual.split(" < ")[0] and wanted.endswith("?") == actual.endswith("?")


def _described(statement: Statement) -> dict[str, Any]:
    facts = statement.facts
    described = {
        "intents": " ".join(facts.intents),
        "statements": " ".join(facts.statements),
        "tables": _short(facts.tables),
        "programs": list(facts.programs),
        "unproven": bool(facts.unproven),
        "outputs": [
            f"{output.name} < {_short(output.sources)}{'' if output.proven else ' ?'}".strip()
            for output in facts.outputs
        ]
        + ([] if facts.outputs_known else ["open"]),
        "sealed": statement.redacted if statement.redacted != statement.text else "",
        "parameters": sorted(statement.secret_parameters),
        "changes": " ".join(
            word
            for word, changes in (
                ("context", statement.changes_context),
                ("catalogue", statement.changes_catalogue),
            )
            if changes
        ),
    }
    return {key: value for key, value in described.items() if value}


def _short(names: tuple[str, ...]) -> str:
    return " ".join(name.removeprefix("public.") for name in names)
