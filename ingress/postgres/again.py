"""What a rule allowed, and whose names another session's DDL made mean something else before it was sent.

A client of the target itself would not notice. So it is judged once more, as what it is by now, and asked
about as a command of its own. Where people had a part in the verdict it is refused: what was approved is what
runs.
"""

from collections.abc import Sequence

from ingress.interface import Abandon, Submit
from ingress.postgres.execution import Execution, Group, Kind
from ingress.postgres.facts import Unparsable
from ingress.postgres.judge import Judge

REASON = "what it names is no longer what it was when this was decided"

_MOST = 3  # times for one group: a table that is altered all the time keeps nobody waiting for ever


def judge_again(
    group: Group, changed: Sequence[Execution], judge: Judge, *, is_last: bool
) -> list[Abandon | Submit]:
    """Makes these executions of the group commands of their own, without a verdict, to be asked about. Empty
    where they must be refused. `is_last`: nothing was taken from the client behind the group."""
    if group.judged_again >= _MOST or not _may_be(group, changed):
        return []
    group.judged_again += 1
    unparsed = [one.change.value for one in group.expected if one.kind is Kind.PARSE and one.change]
    for execution in changed:
        if execution.prepared is not None and execution.prepared in unparsed:
            execution.prepared.first = None  # the target is to parse it by what names mean now
    try:
        found = [judge.again(execution) for execution in changed]
    except Unparsable:
        return []
    if not is_last and any(one.unsettles for one in found):
        return []  # what is behind it was judged as what stands after a command that unsettles nothing
    group.estimates = None
    abandoned = [Abandon(execution.command.id, f"{REASON}: it is judged again") for execution in changed]
    for execution, now in zip(changed, found, strict=True):
        execution.become(now)
    group.waiting.update(execution.command.id for execution in changed)
    return [*abandoned, *(Submit(execution.command) for execution in changed)]


def _may_be(group: Group, changed: Sequence[Execution]) -> bool:
    is_by_rules = all(one.allowed is not None and not one.allowed.may_be_taken_back for one in changed)
    # A fast-path call is of an OID: its text is of the function's name as it was.
    return is_by_rules and group.ends is None and not any(expected.call for expected in group.expected)
