"""What runs in a session's open transaction, for whoever reviews its COMMIT.

A verdict may oblige the gateway to let a statement run at once and to hold the COMMIT
(docs/decisions/0032-review-at-commit.md). PostgreSQL documentation, "Transaction Management in the
Protocol" 55.2.2.1: a transaction block ends by COMMIT, ROLLBACK or PREPARE TRANSACTION, and by nothing else;
within one, procedures and DO cannot end it ("invalid transaction termination").
"""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from ingress.command import Command
from ingress.postgres.execution import Execution
from ingress.postgres.messages import make_error, make_notice
from schemas.digest import commit_digest
from schemas.vocabulary import ChangedRows, Facts, Lock, RanStatement, Transaction

MOST = 500
"""Statements of a transaction that anybody is asked to review."""

_OBJECT_NOT_IN_PREREQUISITE_STATE = "55000"
_BEGIN = ("begin",)
_ENDS = frozenset(("commit", "rollback", "prepare_transaction"))
_LASTS = frozenset(("commit", "prepare_transaction"))
_CONTROL = _ENDS.union(_BEGIN)


class OpenTransaction:
    """The statements that were sent since the transaction began, in order."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._began_at = clock()
        self._ran: list[Execution] = []
        self._count = 0

    def sent(self, execution: Execution) -> None:
        """It goes to the target now. What only begins the transaction is none of its statements."""
        if not self._count:
            self._began_at = self._clock()
        self._count += 1
        if len(self._ran) < MOST:
            self._ran.append(execution)

    def ended(self, still_owed: Collection[Execution]) -> None:
        """A transaction has ended: what was sent and not answered belongs to the next."""
        self._ran = [execution for execution in self._ran if execution in still_owed]
        self._count = len(self._ran)
        self._began_at = self._clock()

    @property
    def is_held(self) -> bool:
        """Whether something ran before its review."""
        return any(execution.at_commit for execution in self._ran)

    @property
    def sample(self) -> int:
        """How many changed rows of a table its reviewers may see: as all rules that hold something say."""
        held = (one.allowed for one in self._ran if one.at_commit)
        return min((allowed.obligations.sample for allowed in held if allowed is not None), default=0)

    @property
    def is_full(self) -> bool:
        """Whether there are as many statements as anybody reads."""
        return self._count >= MOST

    def commit(self, command: Command, locks: tuple[Lock, ...], changed: tuple[ChangedRows, ...]) -> Command:
        """The COMMIT `command` as what it is: its digest covers the statements that it makes last."""
        statements = [_as_ran(one) for one in self._ran if one.command.facts.statements != _BEGIN]
        transaction = Transaction(self._began_at, tuple(statements), locks, changed)
        digest = commit_digest(command.digest, [one.digest for one in statements])
        return replace(command, digest=digest, transaction=transaction)


def in_block(begins: bool, executions: Iterable[Execution]) -> bool:
    """Whether a transaction block is open after these have run; `begins`: whether one is open before."""
    for execution in executions:
        if execution.runs and controls(execution.command.facts):
            begins = execution.command.facts.statements == _BEGIN
    return begins


def ends_block(execution: Execution) -> bool:
    """Whether its transaction has ended once it is done."""
    return not _ENDS.isdisjoint(execution.command.facts.statements)


def has_control(executions: Iterable[Execution]) -> bool:
    """Whether one of these begins or ends a transaction: what runs beside it cannot be held by itself."""
    return any(controls(execution.command.facts) for execution in executions)


def controls(facts: Facts) -> bool:
    """Whether it begins or ends a transaction."""
    return not _CONTROL.isdisjoint(facts.statements)


def makes_last(execution: Execution) -> bool:
    """Whether what its transaction did outlives it."""
    return execution.runs and not _LASTS.isdisjoint(execution.command.facts.statements)


def why_not_at_commit(*, in_block: bool, is_full: bool) -> str:
    """Why a statement cannot be reviewed at a COMMIT; empty when it can."""
    if not in_block:
        return "the transaction at whose COMMIT it would be reviewed is not open: send BEGIN first"
    if is_full:
        return f"its transaction has {MOST} statements, too many for a reviewer to read: split it"
    return ""


def make_not_at_commit(execution: Execution, reason: str) -> bytes:
    """The ErrorResponse for such a statement."""
    assert execution.allowed is not None
    rule = execution.allowed.obligations.rule_of("at_commit")
    return make_error(
        _OBJECT_NOT_IN_PREREQUISITE_STATE,
        f'refused by rule "{rule}": {reason}',
        detail=json.dumps(
            {"verdict": "deny", "rule": rule, "command": execution.command.id}, ensure_ascii=False
        ),
        hint="Nothing was executed.",
    )


def make_runs_first(execution: Execution) -> bytes:
    """The notice that a statement runs before its review."""
    assert execution.allowed is not None
    rule = execution.allowed.obligations.rule_of("at_commit")
    return make_notice(f'runs now; its COMMIT will be held for review by rule "{rule}"')


def _as_ran(execution: Execution) -> RanStatement:
    command = execution.command
    return RanStatement(
        command=command.id,
        digest=command.digest,
        text=command.text,
        parameters=command.parameters,
        facts=replace(command.facts, outputs=(), outputs_known=False),
        context=command.context,
        reason=command.reason,
        ticket=command.ticket,
        rows=execution.changed,
        outcome=execution.outcome,
        at_commit=execution.at_commit,
    )
