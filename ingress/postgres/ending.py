"""The end of a transaction in which something ran before its review: how it is asked about.

It is asked about when all that ran has been answered, so that the reviewer sees what it really did, and with
what the transaction keeps locked, as the target says.
"""

import json
from collections.abc import Collection, Iterable

from ingress.postgres.beforehand import Refuse, Standing
from ingress.postgres.execution import Answer, Ending, Execution, Group
from ingress.postgres.messages import make_error
from ingress.postgres.own import Aside
from ingress.postgres.transaction import MOST, OpenTransaction, makes_last
from schemas.vocabulary import Lock

_OBJECT_NOT_IN_PREREQUISITE_STATE = "55000"
# Its names are qualified, and so are its operators: the session's own path is not to be trusted here. What
# only reads keeps nobody from anything but DDL, and is left out.
_LOCKS = b"""select distinct n.nspname, c.relname, l.mode
from pg_catalog.pg_locks l
join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) l.relation
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
where l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid() and l.granted
and n.nspname operator(pg_catalog.<>) 'pg_catalog' and n.nspname operator(pg_catalog.<>) 'pg_toast'
and l.mode operator(pg_catalog.<>) 'AccessShareLock' and c.relkind operator(pg_catalog.=) any('{r,p,m,S}')
limit 100"""


def may_be_held(transaction: OpenTransaction, queued: Iterable[Execution]) -> bool:
    """Whether something of the open transaction ran, or may run yet, before its review. `queued`: what waits
    for its verdict or its turn."""
    return transaction.is_held or any(
        execution.command.holds_commit and (execution.allowed is None or execution.at_commit)
        for execution in queued
    )


def ask_about(
    group: Group, ending: Ending, transaction: OpenTransaction, standing: Standing
) -> Aside | Refuse | None:
    """What to do before the group that ends the transaction is asked about, or (Refuse) with it. None: its
    COMMIT now is one that makes the transaction's statements last, where something of it is held.

    To be called when the target owes nothing.
    """
    if transaction.is_held and standing.status != b"E":  # what has failed is rolled back, and needs nobody
        if reason := _why_not(group.executions, transaction):
            culprit = next(filter(makes_last, group.executions))
            return Refuse(culprit, _not_ended(culprit.command.id, reason), reason)
        if ending.locks is None:
            ending.locks = Answer(is_duty=True)
            aside = Aside()
            aside.ask(_LOCKS, ending.locks)
            if not standing.sent:
                aside.sync()
            return aside
        commit = next(filter(makes_last, group.executions))
        commit.command = transaction.commit(commit.command, _locks(ending.locks))
        group.rolls_back = True
    return None


def _why_not(executions: Collection[Execution], transaction: OpenTransaction) -> str:
    """Why a message with these cannot end a transaction that is held for review; empty when it can."""
    run = [execution for execution in executions if execution.runs]
    if len(run) != 1:
        return "the COMMIT of this transaction is held for review: send COMMIT by itself"
    if "commit" not in run[0].command.facts.statements:
        return "a transaction whose COMMIT is held for review cannot be prepared: send COMMIT"
    if transaction.is_full:
        return f"a transaction of {MOST} statements or more is too long for a reviewer to read: split it"
    return ""


def _not_ended(command: str, reason: str) -> bytes:
    """The ErrorResponse where such a message is refused: the transaction stays open."""
    return make_error(
        _OBJECT_NOT_IN_PREREQUISITE_STATE,
        f"refused: {reason}",
        detail=json.dumps({"verdict": "deny", "command": command}),
        hint="Nothing was executed, and the transaction is still open.",
    )


def _locks(answer: Answer) -> tuple[Lock, ...]:
    found = sorted(tuple((value or b"").decode("utf-8", "replace") for value in row) for row in answer.rows)
    return tuple(Lock(f"{schema}.{relation}", mode) for schema, relation, mode in found)
