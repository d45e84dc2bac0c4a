"""A command is kept from writing: its transaction is made read-only before it, and it cannot undo that.

PostgreSQL documentation, SET TRANSACTION: "The transaction access mode … cannot be set to read write after
the first snapshot"; in a subtransaction of a read-only one, never. The setting is made by a SELECT, which
takes that snapshot. So whatever a function does that says it only reads, the server refuses its writes.

- Outside a transaction block the setting is local to the command's own transaction, or to that of its
  series up to Sync.
- In a block that the client began, it is set in a savepoint and ends with it: what the client does before
  and after is not touched. When the command fails the block has failed, and the savepoint with it.
"""

from ingress.postgres.execution import Answer, Execution, Group
from ingress.postgres.own import Aside
from ingress.postgres.sql.statements import TRANSACTIONS
from schemas.vocabulary import Intent

_READ_ONLY = b"select pg_catalog.set_config('transaction_read_only', 'on', true)"
_SESSION = frozenset((Intent.SESSION,))
_CONTROL = frozenset(TRANSACTIONS.values())
_PROCEDURES = frozenset(("call", "do"))


def must_only_read(execution: Execution) -> bool:
    """Whether its verdict wants a read-only transaction. What only sets up a session writes nothing."""
    allowed = execution.allowed
    return (
        allowed is not None
        and allowed.obligations.read_only
        and not _SESSION.issuperset(execution.command.facts.intents)
    )


def why_not(group: Group, executions: list[Execution], status: bytes) -> str:
    """Why the group cannot be kept from writing; empty when it can."""
    statements = {kind for execution in group.executions for kind in execution.command.facts.statements}
    if not any(must_only_read(execution) for execution in executions):
        return ""
    if statements & _CONTROL:
        return "a message that begins or ends a transaction cannot be kept read-only: send its parts alone"
    if statements & _PROCEDURES and status != b"T":
        # A procedure may COMMIT there, and goes on in a transaction of its own.
        return "CALL and DO cannot be kept read-only outside a transaction block; send BEGIN first"
    return ""


def around(executions: list[Execution], status: bytes, *, in_series: bool) -> tuple[Aside, Aside]:
    """What to ask the target before and after these are sent, in a transaction of this status.

    `in_series`: something ran since the last Sync, so that the status may be another by now; then the rest
    of the transaction is read-only.
    """
    before, after = Aside(), Aside()
    if status == b"E" or not any(must_only_read(execution) for execution in executions):
        return before, after
    duty = Answer(is_duty=True)
    in_block = status == b"T" and not in_series
    if in_block:
        before.ask(b"savepoint countersign", duty)
    before.ask(_READ_ONLY, duty)
    if in_block:
        after.ask(b"release savepoint countersign", Answer())
    return before, after
