"""What a command would cost: the target's planner is asked before the command runs.

EXPLAIN without ANALYZE plans and runs nothing (PostgreSQL documentation, EXPLAIN). Planning itself may
evaluate functions that are declared immutable, so outside a transaction block it happens in a read-only
transaction of its own. Where the client set the planner's own settings, its estimates say nothing.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pglast import parser

from ingress.postgres.execution import Answer, Execution, Expected, Group
from ingress.postgres.limits import STATEMENT_TOO_COMPLEX
from ingress.postgres.messages import Bind, make, make_error, parse_fields, shift_position
from ingress.postgres.own import Aside
from ingress.postgres.sql.tree import Node, kind_of, parse
from ingress.postgres.sql.words import words

_EXPLAIN = "explain (format json) "
_PLANNED = words("SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt DeclareCursorStmt CreateTableAsStmt")
# What a session may set that makes every plan look cheap.
_SETTINGS = b"""select name, setting, reset_val from pg_catalog.pg_settings
where setting operator(pg_catalog.<>) reset_val and name operator(pg_catalog.=) any(array['seq_page_cost',
'random_page_cost', 'cpu_tuple_cost', 'cpu_index_tuple_cost', 'cpu_operator_cost', 'parallel_setup_cost',
'parallel_tuple_cost', 'effective_cache_size'])"""


class NotPlannable(Exception):
    """What the command would cost cannot be asked without running a part of it. Says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """A text that makes the planner say what a command costs. `shift`: how many characters stand before the
    command's own text; None where the text is another."""

    text: str
    shift: int | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was asked about one execution, and the answers to come."""

    execution: Execution
    question: Question
    plan: Answer


@dataclass(frozen=True, slots=True)
class Estimates:
    """What was asked about a group."""

    of: tuple[Estimate, ...]
    settings: Answer

    def pending(self, expected: Collection[Expected]) -> bool:
        """Whether the target still owes an answer."""
        return any(one.quiet for one in expected)


def limited(group: Group) -> list[Execution]:
    """The executions of the group with a limit of cost."""
    sent = {id(execution) for expected in group.expected for execution in expected.executions}
    return [
        execution
        for execution in group.executions
        if id(execution) in sent
        and execution.allowed is not None
        and execution.allowed.obligations.cost is not None
    ]


def ask(group: Group, *, own_transaction: bool, synced: bool) -> tuple[Estimates | None, Aside]:
    """The questions about a group, None where nothing of it has a plan.

    `own_transaction`: nothing is open at the target. `synced`: nothing was sent since the last Sync. Raises
    NotPlannable.
    """
    aside = Aside()
    found = []
    for execution in limited(group):
        question = plan_question(execution.statement.text if execution.statement is not None else "")
        if question is not None:
            found.append(Estimate(execution, question, Answer()))
    if not found:
        return None, aside
    if own_transaction:
        aside.ask(b"begin read only", Answer(is_duty=True))
    settings = Answer(is_duty=True)
    aside.ask(_SETTINGS, settings)
    for estimate in found:
        types, bind = bound_to(group, estimate.execution)
        aside.ask(estimate.question.text.encode(), estimate.plan, types=types, bind=bind)
    if synced:
        aside.sync()
    if own_transaction:
        aside.ask(b"rollback", Answer())
        aside.sync()
    return Estimates(tuple(found), settings), aside


def too_much(estimates: Estimates) -> tuple[Execution, bytes, str] | None:
    """The execution that must not run, what its client is told, and the reason for the record."""
    changed = ", ".join(sorted((row[0] or b"").decode() for row in estimates.settings.rows))
    for estimate in estimates.of:
        execution = estimate.execution
        assert execution.allowed is not None
        duty = execution.allowed.obligations
        most, rule = duty.cost or 0.0, duty.rule_of("cost")
        if estimate.plan.error is not None:
            fields = parse_fields(estimate.plan.error.body)
            reason = f"the target could not plan it: {fields.get('M', '')}"
            return execution, _shifted(estimate), reason
        if changed:
            message = f"what it would cost is not known: this session set {changed}"
            hint = f"Nothing was executed. RESET {changed}, and run it again."
        else:
            cost = plan_cost(estimate.plan.rows)
            if cost is not None and cost <= most:
                continue
            message = (
                "what it would cost is not known: the target's plan cannot be read"
                if cost is None
                else f"its planned cost of {cost:.0f} is above the limit of {most:g}"
            )
            hint = "Nothing was executed. Ask for less, or for what an index finds; EXPLAIN shows the plan."
        return execution, _refusal(execution, rule, message, hint, most), message
    return None


def not_plannable(execution: Execution, reason: str) -> bytes:
    """What the client is told about a command whose cost cannot be asked."""
    assert execution.allowed is not None
    duty = execution.allowed.obligations
    hint = (
        "Nothing was executed. Send it in a form that can be planned, or ask for a rule without limits.cost."
    )
    return _refusal(execution, duty.rule_of("cost"), reason, hint, duty.cost or 0.0)


def plan_question(text: str) -> Question | None:
    """How to ask for the plan of a statement; None for one without a plan, which has no cost.

    Raises NotPlannable.
    """
    sources = parse(text)
    if len(sources) != 1:
        return None
    kind, node = sources[0].kind, sources[0].node
    if kind == "ExecuteStmt":
        if not all(_is_constant(argument) for argument in node.get("params", ())):
            raise NotPlannable("what it would cost is not known: the arguments of EXECUTE are not constants")
        return Question(_EXPLAIN + text, len(_EXPLAIN))
    if kind in _PLANNED:
        return Question(_EXPLAIN + text, len(_EXPLAIN))
    if kind == "ExplainStmt":
        return _explained(text, node)
    if kind == "CopyStmt" and not node.get("is_from"):
        return Question(_EXPLAIN + _copied(text, node), None)
    return None


def plan_cost(rows: list[tuple[bytes | None, ...]]) -> float | None:
    """The planner's total cost in EXPLAIN's answer (FORMAT JSON); None where it does not say."""
    try:
        document = msgspec.json.decode(b"\n".join(row[0] or b"" for row in rows))
        return sum(float(entry["Plan"]["Total Cost"]) for entry in document if isinstance(entry, Mapping))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, IndexError):
        return None


def _explained(text: str, node: Node) -> Question | None:
    """EXPLAIN ANALYZE runs what it explains; EXPLAIN alone does not."""
    names = {option["DefElem"].get("defname", "").lower() for option in node.get("options", ())}
    if "analyze" not in names:
        return None
    tokens = [token for token in parser.scan(text) if token.name not in ("C_COMMENT", "SQL_COMMENT")]
    position = 1  # behind EXPLAIN
    if tokens[position].name == "ASCII_40":
        position = _behind_parentheses(tokens, position)
    while tokens[position].name in ("ANALYZE", "ANALYSE", "VERBOSE"):
        position += 1
    inner = plan_question(text[tokens[position].start :])
    return None if inner is None else Question(inner.text, None)


def _copied(text: str, node: Node) -> str:
    """The query that COPY … TO runs."""
    if "query" in node:
        tokens = [token for token in parser.scan(text) if token.name not in ("C_COMMENT", "SQL_COMMENT")]
        end = _behind_parentheses(tokens, 1)
        return text[tokens[1].start : tokens[end - 1].end + 1]
    relation = node["relation"]
    names = [relation[part] for part in ("catalogname", "schemaname", "relname") if part in relation]
    columns = [_quoted(column["String"]["sval"]) for column in node.get("attlist", ())]
    return " ".join(("select", ", ".join(columns) or "*", "from only", ".".join(map(_quoted, names))))


def _behind_parentheses(tokens: list[Any], position: int) -> int:
    depth = 0
    while True:
        depth += {"ASCII_40": 1, "ASCII_41": -1}.get(tokens[position].name, 0)
        position += 1
        if not depth:
            return position


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _is_constant(argument: Node) -> bool:
    kind, node = kind_of(argument)
    return kind == "A_Const" or (kind == "TypeCast" and kind_of(node["arg"])[0] == "A_Const")


def bound_to(group: Group, execution: Execution) -> tuple[tuple[int, ...], Bind | None]:
    """The types of an execution's parameters as its client declared them, and what it bound."""
    for expected in group.expected:
        if execution in expected.executions and expected.portal is not None:
            return expected.portal.prepared.types, expected.portal.bind
    return (), None


def _shifted(estimate: Estimate) -> bytes:
    """The target's own error about the command, as the client would have had it."""
    assert estimate.plan.error is not None
    return make(b"E", shift_position(estimate.plan.error.body, estimate.question.shift))


def _refusal(execution: Execution, rule: str, message: str, hint: str, most: float) -> bytes:
    detail = {"verdict": "deny", "limit": "cost", "most": most, "rule": rule, "command": execution.command.id}
    by = f'refused by rule "{rule}": ' if rule else "refused: "
    return make_error(
        STATEMENT_TOO_COMPLEX, by + message, detail=json.dumps(detail, ensure_ascii=False), hint=hint
    )
