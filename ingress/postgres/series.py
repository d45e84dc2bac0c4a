"""How the series of messages stands that was sent since the last Sync (55.2.3, "Extended Query")."""

from dataclasses import dataclass

from ingress.postgres.beforehand import must_wait
from ingress.postgres.execution import Execution, Group
from ingress.postgres.target_side import TargetSide


@dataclass(slots=True)
class Series:
    """`unflushed`: the target owes answers it may keep until Flush or Sync."""

    sent: bool = False  # something was sent since the last Sync
    ran: bool = False  # something was executed since the last Sync
    unflushed: bool = False
    limited: Execution | None = None  # of this series, whose answer may be cut off
    guarded: Execution | None = None  # a simple query that may be skipped, and what follows it

    def awaits_answers(self, group: Group, target: TargetSide) -> bool:
        """Whether the group depends on what is owed: how a transaction stands, a cut or skipped answer."""
        is_cut = self.limited and target.owes(self.limited) and must_wait(group, self.limited)
        is_early = group.fails and target.expected
        return bool(is_early or is_cut or (self.guarded and target.owes(self.guarded)))

    def goes_on(self, group: Group, *, ran: bool, may_be_skipped: bool) -> None:
        """The group was sent; `ran`: something of it is executed. `may_be_skipped`: it is a simple query."""
        executions = [execution for expected in group.expected for execution in expected.executions]
        if may_be_skipped:
            self.guarded = executions[0]
        goes_on = not (group.simple or group.syncs)
        self.unflushed = goes_on and bool(group.messages)
        self.ran = goes_on and (self.ran or ran)
        self.sent = goes_on
        limited = next((one for one in executions if one.is_limited), self.limited)
        self.limited = limited if goes_on else None
