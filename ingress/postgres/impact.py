"""What the target's planner thinks of a command that waits for a reviewer: rows and cost.

Asked while it waits, so that no other command pays for it, and only where that runs nothing: outside a
transaction, in one of the gateway's own that only reads, for statements of which all is proven (to plan is to
call functions that claim to be immutable: docs/decisions/0011-what-is-asked-of-a-target-before-a-command.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ingress.interface import Estimated
from ingress.postgres.cost import NotPlannable, bound_to, plan_question
from ingress.postgres.execution import Answer, Group
from ingress.postgres.own import Aside
from schemas.vocabulary import Intent

_CHANGES = "ModifyTable"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked about a command, and the answer to come."""

    command: str
    plan: Answer

    def estimated(self) -> tuple[Estimated, ...]:
        """What came of it; nothing where the planner does not say."""
        found = _top_plan(self.plan)
        if found is None:
            return ()
        try:
            return (Estimated(self.command, _rows(found), float(found["Total Cost"])),)
        except (KeyError, TypeError, ValueError):
            return ()


def ask(group: Group, command: str) -> tuple[Asked, Aside] | None:
    """The question about a command of the group; None where it cannot be asked without running something."""
    execution = next(one for one in group.executions if one.command.id == command)
    if execution.statement is None or Intent.UNKNOWN in execution.command.facts.intents:
        return None
    try:
        question = plan_question(execution.statement.text)
    except NotPlannable:
        return None
    if question is None:
        return None
    types, bind = bound_to(group, execution)
    asked, aside = Asked(command, Answer()), Aside()
    aside.ask(b"begin read only", Answer(is_duty=True))
    aside.ask(question.text.encode(), asked.plan, types=types, bind=bind)
    aside.sync()
    aside.ask(b"rollback", Answer(is_duty=True))
    aside.sync()
    return asked, aside


def _top_plan(answer: Answer) -> Mapping[str, Any] | None:
    try:
        (document,) = msgspec.json.decode(b"\n".join(row[0] or b"" for row in answer.rows))
        plan: Mapping[str, Any] = document["Plan"]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None
    return plan


def _rows(plan: Mapping[str, Any]) -> int:
    """How many rows a plan gives or changes: a change gives none, and changes what it reads."""
    return max(_changed(plan), default=int(plan["Plan Rows"]))


def _changed(plan: Mapping[str, Any]) -> Iterator[int]:
    for part in plan.get("Plans", ()):
        if plan["Node Type"] == _CHANGES:
            yield int(part["Plan Rows"])
        yield from _changed(part)
