"""What must be settled with the target before a group of messages is sent: its cost, that it only reads, that
a transaction is open at whose COMMIT it is reviewed.

Each step answers with what to do next: wait, ask the target something, refuse, or (None) go on.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

from ingress.postgres import cost, read_only
from ingress.postgres.execution import Execution, Expected, Group
from ingress.postgres.messages import make_error
from ingress.postgres.own import Aside
from ingress.postgres.transaction import make_not_at_commit, why_not_at_commit

FEATURE_NOT_SUPPORTED = "0A000"
READ_ONLY_TRANSACTION = "25006"
IN_FAILED_TRANSACTION = "what follows a ROLLBACK in the same message cannot be planned; send it by itself"
_NOT_LOOKED_INTO = "what a statement carries is not looked into"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the session stands at the target. `status`: of the transaction. `ran`: something ran since the
    last Sync; `sent`: something was sent since then. `expected`: what the target still owes. `in_block`: the
    client began a transaction; `is_full`: no reviewer would read more statements of it."""

    status: bytes
    ran: bool
    sent: bool
    expected: Collection[Expected]
    in_block: bool
    is_full: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Until the target has answered."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The group must not be sent: because of which execution, what the client is told, and for the record."""

    execution: Execution
    data: bytes
    reason: str


def has_duties(group: Group) -> bool:
    """Whether anything must be settled beforehand at all."""
    return any(
        execution.allowed is not None
        and (
            execution.allowed.obligations.cost is not None
            or execution.allowed.obligations.read_only
            or execution.allowed.obligations.at_commit
            or execution.allowed.obligations.block
        )
        for execution in group.executions
    )


def must_wait(group: Group, limited: Execution) -> bool:
    """Whether it must be known first how the answer ends of an execution of the same series that may be cut
    off at a limit: the error then undoes the series at the client, and so it must at the target. A Sync after
    a single read undoes nothing, and need not wait."""
    if group.simple or limited.copies:
        return False
    return not (group.syncs and not group.executions and limited.alone and limited.only_reads)


def settle(group: Group, standing: Standing) -> Wait | Aside | Refuse | None:
    """The next step before the group is sent."""
    if (unkept := next(filter(_blocks, group.executions), None)) is not None:
        return Refuse(unkept, _not_kept(unkept), _NOT_LOOKED_INTO)
    if isinstance(group.estimates, cost.Estimates):
        if group.estimates.pending(standing.expected):
            return Wait()
        return _judged(group.estimates)
    if standing.expected:
        return Wait()  # how the session stands is known when all has been answered
    reviewed_later = next((execution for execution in group.executions if execution.at_commit), None)
    if reviewed_later is not None and (
        reason := why_not_at_commit(in_block=standing.in_block, is_full=standing.is_full)
    ):
        return Refuse(reviewed_later, make_not_at_commit(reviewed_later, reason), reason)
    reason = read_only.why_not(group, group.executions, standing.status)
    if reason:
        culprit = next(execution for execution in group.executions if read_only.must_only_read(execution))
        return Refuse(culprit, _not_read_only(culprit, reason), reason)
    return _asked(group, standing)


def _asked(group: Group, standing: Standing) -> Aside | Refuse | None:
    costly = cost.limited(group)
    if not costly:
        return None
    if standing.status == b"E":
        if len(group.executions) == 1:
            return None  # nothing but the end of the transaction runs there
        return Refuse(costly[0], cost.not_plannable(costly[0], IN_FAILED_TRANSACTION), IN_FAILED_TRANSACTION)
    try:
        group.estimates, aside = cost.ask(
            group, own_transaction=standing.status == b"I" and not standing.sent, synced=not standing.sent
        )
    except cost.NotPlannable as error:
        return Refuse(costly[0], cost.not_plannable(costly[0], str(error)), str(error))
    return aside if group.estimates is not None else None


def _judged(estimates: cost.Estimates) -> Refuse | None:
    found = cost.too_much(estimates)
    return None if found is None else Refuse(*found)


def _blocks(execution: Execution) -> bool:
    return execution.allowed is not None and bool(execution.allowed.obligations.block)


def _not_kept(execution: Execution) -> bytes:
    assert execution.allowed is not None
    source = f"block:{execution.allowed.obligations.block[0]}"
    hint = "`block` is for files and commands of SSH hosts: tell whoever keeps the gateway's rules."
    return _refused(execution, "block", source, FEATURE_NOT_SUPPORTED, _NOT_LOOKED_INTO, hint)


def _not_read_only(execution: Execution, reason: str) -> bytes:
    return _refused(execution, "read_only", "read_only", READ_ONLY_TRANSACTION, reason)


def _refused(
    execution: Execution, limit: str, source: str, sqlstate: str, reason: str, hint: str = ""
) -> bytes:
    """What the client is told. `source`: what the obligations call the limit."""
    assert execution.allowed is not None
    rule = execution.allowed.obligations.rule_of(source)
    detail = {"verdict": "deny", "limit": limit, "rule": rule, "command": execution.command.id}
    return make_error(
        sqlstate,
        f'refused by rule "{rule}": {reason}' if rule else f"refused: {reason}",
        detail=json.dumps(detail, ensure_ascii=False),
        hint=f"Nothing was executed. {hint}".rstrip(),
    )
