"""What takes the place of messages that are not sent: the error in its turn, and what the target must be made
to do so that it stands where the client thinks it does. Pure.
"""

from collections.abc import Callable
from dataclasses import replace

from ingress.postgres.execution import Answer, Expected, Group, Kind
from ingress.postgres.messages import FLUSH, SYNC, make_execute
from ingress.postgres.own import OWN, Aside
from ingress.postgres.refusal import make_refusal

_UNDONE = "The transaction was rolled back: nothing of it lasts."


def error_of(group: Group, link: Callable[[str], str]) -> bytes:
    """The ErrorResponse. `link`: the page of an approval."""
    if group.refusal is None or group.error:
        return group.error
    command, refusal = group.refusal
    if group.rolls_back:
        refusal = replace(refusal, hint=_UNDONE)
    return make_refusal(command, refusal, link(refusal.approval) if refusal.approval else "")


def in_place_of(group: Group, error: bytes, status: bytes, *, ran_in_series: bool) -> Aside:
    """What the target is sent and owes. `status`: of the transaction; `ran_in_series`: something was executed
    since the last Sync."""
    if group.rolls_back:
        return _after_rollback(group, error)
    fails = group.fails and status == b"T"
    if group.simple and fails:
        return Aside([make_execute(OWN) + SYNC], [Expected(Kind.REFUSED, data=error), Expected(Kind.SYNC)])
    if not group.simple and (fails or (ran_in_series and status == b"I")):
        # What ran since the last Sync is one transaction, which an error must undo as it would without
        # us: the target is made to fail, too ("… if any error … the transaction is rolled back", 55.2.3).
        return failing(error)
    return Aside([], [Expected(Kind.LOCAL, data=error, ready=group.simple)])


def failing(error: bytes) -> Aside:
    """What makes the target fail; the client gets this error in the place of the target's."""
    return Aside([make_execute(OWN)], [Expected(Kind.REFUSED, data=error)])


def _after_rollback(group: Group, error: bytes) -> Aside:
    """Of a COMMIT that was refused: what ran before its review is undone, and then the client is told."""
    aside = Aside()
    aside.ask(b"rollback", Answer(is_duty=True))
    if group.simple:
        aside.sync()
    else:
        aside.messages.append(FLUSH)
    aside.expected.append(Expected(Kind.LOCAL, data=error, ready=group.simple))
    return aside
