"""What PostgreSQL locks for a statement, by its kind: documentation, 13.3 "Explicit Locking". Pure."""

from api.plain_words import Sentence
from api.web.words import Weight
from schemas.events import ApprovalRequested

_ROWS: tuple[str, Weight] = (
    "ROW EXCLUSIVE and the rows it changes: other changes of these rows wait until its transaction ends",
    "medium",
)
_SELF: tuple[str, Weight] = ("SHARE UPDATE EXCLUSIVE: VACUUM and changes of the definition wait", "light")
_SHARE: tuple[str, Weight] = ("SHARE: all changes of the table's rows wait until it ends", "heavy")
_SHARE_ROW: tuple[str, Weight] = (
    "SHARE ROW EXCLUSIVE: all changes of the table's rows wait until it ends",
    "heavy",
)
_ALL: tuple[str, Weight] = ("ACCESS EXCLUSIVE: everything waits until it ends, reading too", "heavy")

# The strongest that a kind may take, where its options decide.
_LOCKS: dict[str, tuple[str, Weight]] = {
    **dict.fromkeys(("insert", "update", "delete", "merge"), _ROWS),
    **dict.fromkeys(("analyze", "create_statistics"), _SELF),
    **dict.fromkeys(("create_index",), _SHARE),
    **dict.fromkeys(("create_trigger",), _SHARE_ROW),
    **dict.fromkeys(("alter_table", "truncate", "reindex", "vacuum", "lock"), _ALL),
    **dict.fromkeys(("drop_table", "drop_index", "drop_trigger", "drop_view"), _ALL),
    **dict.fromkeys(("alter_index", "alter_view", "refresh_materialized_view"), _ALL),
}


def locks_of(request: ApprovalRequested) -> tuple[Sentence, ...]:
    """What the command locks, the strongest that each of its statements may take. Empty: nothing that others
    notice, or not known."""
    if request.protocol != "postgres":
        return ()
    found = (_LOCKS[kind] for kind in request.facts.statements if kind in _LOCKS)
    return tuple(Sentence(*lock) for lock in dict.fromkeys(found))
