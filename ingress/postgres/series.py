"""What was sent to the target since the last Sync, as far as what is sent next depends on it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ingress.postgres.beforehand import must_wait
from ingress.postgres.execution import Execution, Expected, Group


@dataclass(slots=True)
class Series:
    """`sent`: something was; `ran`: something that is executed was."""

    sent: bool = False
    ran: bool = False
    is_unflushed: bool = False  # the target owes answers it may keep until Flush or Sync
    limited: Execution | None = None  # one whose answer may be cut off
    guarded: Execution | None = None  # a simple query that may be skipped, and what follows it

    def forwarded(self, group: Group, *, runs: bool) -> None:
        """The group was sent. `runs`: something of it is executed."""
        goes_on = not (group.simple or group.syncs)
        executions = (execution for expected in group.expected for execution in expected.executions)
        limited = next((one for one in executions if one.is_limited), self.limited)
        self.limited = limited if goes_on else None
        self.is_unflushed = goes_on and bool(group.messages)
        self.ran = goes_on and (self.ran or runs)
        self.sent = goes_on

    def awaits_answers(
        self, group: Group, expected: Collection[Expected], owes: Callable[[Execution], bool]
    ) -> bool:
        """Whether the group depends on what is owed: how a transaction stands, a cut or skipped answer."""
        is_cut = self.limited is not None and owes(self.limited) and must_wait(group, self.limited)
        is_early = group.fails and bool(expected)
        return is_early or is_cut or (self.guarded is not None and owes(self.guarded))
