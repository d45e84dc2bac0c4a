"""What goes to the target around a group of messages: what keeps its commands to what their verdicts say."""

from collections.abc import Sequence

from ingress.postgres.beforehand import Standing
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.execution import Execution, Group
from ingress.postgres.own import Aside, wrapped
from ingress.postgres.read_only import around
from ingress.postgres.unchanged import guard, is_of_data


def surrounded(
    group: Group, begun: Sequence[Execution], entering: Aside, catalogue: Catalogue, standing: Standing
) -> tuple[Aside, bool]:
    """The group with what is asked before and after it, and whether it is a simple query that the target
    skips where that fails. `begun`: its executions, without portals that go on; `entering`: a command's role.
    """
    executions = [execution for expected in group.expected for execution in expected.executions]
    before, after = around(executions, standing.status, in_series=standing.ran)
    alone = group.simple and standing.status == b"I" and not standing.ran
    guarding = Aside()
    if not alone or is_of_data(executions):
        guarding = guard(begun, catalogue, standing.status)
    may_be_skipped = group.simple and bool(before.messages or entering.messages or guarding.messages)
    if may_be_skipped:
        group.expected[-1].must_end = alone and (bool(entering.messages) or is_of_data(executions))
    parts = (before, entering, guarding, wrapped(group, after))
    return Aside(
        [message for part in parts for message in part.messages],
        [expected for part in parts for expected in part.expected],
    ), may_be_skipped
