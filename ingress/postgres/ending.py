"""The end of a transaction in which something ran before its review: how it is asked about.

It is asked about when all that ran has been answered, so that the reviewer sees what it really did, and with
what the transaction keeps locked, as the target says.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ingress.interface import AskBeside
from ingress.postgres.beforehand import Refuse, Standing, Wait
from ingress.postgres.execution import Answer, Ending, Execution, Group
from ingress.postgres.messages import make_error
from ingress.postgres.own import Aside
from ingress.postgres.sampling import COLUMNS, Masked, Sampling
from ingress.postgres.transaction import MOST, OpenTransaction, makes_last
from schemas.vocabulary import ChangedRows, Lock

_OBJECT_NOT_IN_PREREQUISITE_STATE = "55000"
_AMID_OTHERS = "its COMMIT came amid other messages"
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
# What a statement says it changed is not all: a WITH, a trigger or a cascade changes more, and one that is
# read in steps has not said it yet. What an earlier transaction of the session changed may be counted for a
# second longer ("The Cumulative Statistics System").
_CHANGED = b"""select schemaname, relname, n_tup_ins, n_tup_upd, n_tup_del
from pg_catalog.pg_stat_xact_user_tables
where n_tup_ins operator(pg_catalog.>) 0 or n_tup_upd operator(pg_catalog.>) 0
or n_tup_del operator(pg_catalog.>) 0
limit 100"""


def may_be_held(transaction: OpenTransaction, queued: Iterable[Execution]) -> bool:
    """Whether something of the open transaction ran, or may run yet, before its review. `queued`: what waits
    for its verdict or its turn."""
    return transaction.is_held or any(
        execution.command.holds_commit and (execution.allowed is None or execution.at_commit)
        for execution in queued
    )


def ask_about(
    group: Group, ending: Ending, transaction: OpenTransaction, standing: Standing, masked: Masked
) -> Aside | AskBeside | Wait | Refuse | None:
    """What to do before the group that ends the transaction is asked about, or (Refuse) with it. None: its
    COMMIT now is one that makes the transaction's statements last, where something of it is held.

    To be called when the target owes nothing.
    """
    if transaction.is_held and standing.status != b"E":  # what has failed is rolled back, and needs nobody
        if reason := _why_not(group.executions, transaction):
            culprit = next(filter(makes_last, group.executions))
            return Refuse(culprit, _not_ended(culprit.command.id, reason), reason)
        if ending.locks is None or ending.changed is None:
            ending.locks, ending.changed = Answer(is_duty=True), Answer(is_duty=True)
            aside = Aside()
            aside.ask(_LOCKS, ending.locks)
            aside.ask(_CHANGED, ending.changed)
            if transaction.sample and not standing.sent:
                ending.columns = Answer(is_duty=True)
                aside.ask(COLUMNS, ending.columns)
            if not standing.sent:
                aside.sync()
            group.rolls_back = True
            return aside
        changed = _changed(ending.changed)
        if ending.columns is not None and ending.sampling is None:
            ending.sampling = Sampling(changed, ending.columns.rows, transaction.sample)
        if isinstance(ending.sampling, Sampling):
            if (step := ending.sampling.step()) is not None:
                return step
            changed = tuple(ending.sampling.of(one, masked) for one in changed)
        elif transaction.sample:
            changed = tuple(replace(one, not_sampled=_AMID_OTHERS) for one in changed)
        commit = next(filter(makes_last, group.executions))
        commit.command = transaction.commit(commit.command, _locks(ending.locks), changed)
    return None


def answered_beside(
    ending: Ending | None, answers: Sequence[Sequence[tuple[bytes | None, ...]]] | None
) -> None:
    """What an AskBeside was answered; None where it was not."""
    if ending is not None and isinstance(ending.sampling, Sampling):
        ending.sampling.answered(answers)


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
    return tuple(Lock(f"{schema}.{relation}", mode) for schema, relation, mode in _rows(answer))


def _changed(answer: Answer) -> tuple[ChangedRows, ...]:
    return tuple(
        ChangedRows(f"{schema}.{relation}", int(inserted), int(updated), int(deleted))
        for schema, relation, inserted, updated, deleted in _rows(answer)
    )


def _rows(answer: Answer) -> list[tuple[str, ...]]:
    return sorted(tuple((value or b"").decode("utf-8", "replace") for value in row) for row in answer.rows)
