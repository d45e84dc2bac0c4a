"""What commands that succeeded changed of the session: of that, what the judge must know."""

from ingress.postgres.execution import Execution
from ingress.postgres.judge import unread_names
from ingress.postgres.namespace import Namespace
from ingress.postgres.reasons import set_by


class Effects:
    """Of one session, since the judge last looked."""

    def __init__(self, names: Namespace) -> None:
        self._names = names
        self.changed_names = False  # SET or the like ended: names may mean something else
        self.unread: frozenset[str] = frozenset()  # what DDL changed: see `judge.unread_names`
        self._catalogue_touched = False  # DDL ran: our reader sees it once the transaction has ended
        self._touched = False  # names changed in the open transaction, whose end may take it back

    def of(self, execution: Execution, tag: str) -> None:
        """It ended with this tag."""
        statement = execution.statement
        if statement is None:
            return
        if statement.prepares is not None:
            self._names.prepare(*statement.prepares, statement)
        if statement.changes_context and (given := set_by(statement.text)) is not None:
            self._names.reasons.give(given)
        if statement.deallocates is not None:
            self._names.deallocate(statement.deallocates)
        if statement.declares is not None:
            self._names.declare(*statement.declares)
        if statement.closes is not None:
            self._names.close_cursor(statement.closes)
        if tag in ("DISCARD ALL", "DEALLOCATE ALL"):
            self._names.deallocate("")
        self.so_far(execution)

    def so_far(self, execution: Execution) -> None:
        """It may have changed what names mean, also where it stands at a row limit."""
        statement = execution.statement
        if statement is not None and (statement.changes_context or statement.changes_settings):
            self.changed_names = self._touched = True
        if statement is not None and statement.changes_catalogue:
            self._catalogue_touched = True
            self.unread |= unread_names(statement)

    def transaction_ended(self, *, was_open: bool) -> bool:
        """Whether the catalogue is to be read now. `was_open`: it was the client's own."""
        if self._touched and was_open:
            self.changed_names = True
        is_touched = self._catalogue_touched
        self._touched = self._catalogue_touched = False
        self.unread = frozenset()
        return is_touched
