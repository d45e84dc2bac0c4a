"""What principals used of their rules' budgets: the arithmetic of sliding windows. Pure.

A window is SLOTS slots of time. What was used in a slot counts until the whole slot is older than the
window: never shorter than the window, and at most a slot longer. So in no stretch of time as long as the
window is more let through than the budget's amount (docs/decisions/0007-budgets-are-kept-by-principal.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from processors.policy.limits import RuleBudgets
from processors.policy.rule import Budget, Limits, Measure
from schemas.vocabulary import Verdict

SLOTS = 60
REMEMBERED = 256
"""Finished or refused commands that are remembered until their deadline has passed, so that a request that is
read twice gets one verdict."""
_AFTER_THE_DEADLINE = 60.0  # seconds
_REVIEWED_WITHIN = 86400.0  # seconds in which a rejection is still counted
_OF_REVIEWERS = frozenset((Measure.APPROVALS, Measure.REJECTIONS))


@dataclass(frozen=True, slots=True)
class Refused:
    """The budget that had no room for a command."""

    rule: str
    over: Verdict
    measure: Measure
    amount: int
    window: int
    used: int
    room_at: float | None  # seconds since 1970; None: never for a command like this


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one command took from its budgets. `reserved`: of rows and bytes, until it has finished."""

    at: float  # seconds since 1970
    forget_at: float
    budgets: tuple[tuple[str, Budget], ...]  # by rule
    counted: bool  # False: a person decides, and it counts when it has finished
    reserved: Mapping[str, int] = field(default_factory=dict)
    refused: Refused | None = None
    is_rejected: bool = False  # a reviewer said no, and it counts
    is_over: bool = False  # finished, refused or given up


@dataclass(frozen=True, slots=True)
class Account:
    """What one principal used. `used`: budget -> slot -> amount. `commands`: those not forgotten."""

    principal: str
    used: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    commands: Mapping[str, Drawn] = field(default_factory=dict)


def draw(
    account: Account,
    command: str,
    budgets: tuple[RuleBudgets, ...],
    limits: Limits,
    *,
    reviewed: bool,
    deadline: datetime,
    now: datetime,
) -> tuple[Account, Drawn]:
    """The account after a command asked for its share, and what it got; asked again, the same.

    `limits`: what one command may use. `reviewed`: a person decides on it anyway; only then does it matter
    how often reviewers were asked, and said no.
    """
    known = account.commands.get(command)
    if known is not None:
        return account, known
    at = now.timestamp()
    account = _without_the_past(account, at)
    if not reviewed:
        budgets = _without_reviewers(budgets)
    forget_at = deadline.timestamp() + _AFTER_THE_DEADLINE
    named = tuple((entry.rule, budget) for entry in budgets for budget in entry.budgets)
    refused = _refusal(account, budgets, at)
    if refused is not None and refused.over is Verdict.DENY:
        drawn = Drawn(at, forget_at, named, False, refused=refused, is_over=True)
    elif refused is not None or reviewed:
        longest = max(budget.window for _, budget in named)
        drawn = Drawn(at, at + max(longest, _REVIEWED_WITHIN), named, False, refused=refused)
        account = _add(account, named, {Measure.APPROVALS.value: 1}, at)
    else:
        drawn = Drawn(at, forget_at, named, True, _reservation(account, named, limits, at))
        account = _add(account, named, {Measure.COMMANDS.value: 1, **drawn.reserved}, at)
    return replace(account, commands={**account.commands, command: drawn}), drawn


def settle(account: Account, command: str, rows: int, size: int, *, ran: bool, now: datetime) -> Account:
    """The account after a command finished, or (`ran` False) was given up: what it reserved and did not use
    goes back."""
    drawn = account.commands.get(command)
    if drawn is None or drawn.is_over:
        return account
    at = now.timestamp()
    account = _without_the_past(account, at)
    actual = {Measure.ROWS.value: rows, Measure.BYTES.value: size} if ran else {}
    if drawn.counted:
        back = {name: actual.get(name, 0) - amount for name, amount in drawn.reserved.items()}
        account = _add(
            account, drawn.budgets, {name: less for name, less in back.items() if less < 0}, drawn.at
        )
        account = _add(account, drawn.budgets, {name: more for name, more in back.items() if more > 0}, at)
    elif ran:
        account = _add(account, drawn.budgets, {Measure.COMMANDS.value: 1, **actual}, at)
    done = replace(drawn, is_over=True, forget_at=min(drawn.forget_at, at + 3600))
    return replace(account, commands={**account.commands, command: done})


def reject(account: Account, command: str, now: datetime) -> Account:
    """The account after a reviewer rejected a command; told again, it counts once."""
    drawn = account.commands.get(command)
    if drawn is None or drawn.is_rejected:
        return account
    account = _add(account, drawn.budgets, {Measure.REJECTIONS.value: 1}, now.timestamp())
    return replace(account, commands={**account.commands, command: replace(drawn, is_rejected=True)})


def forgive(account: Account, rule: str, until: datetime) -> Account:
    """The account without the rejections under a rule until then; told again, nothing more is forgiven."""
    at = until.timestamp()
    kept: dict[str, Mapping[int, int]] = {}
    for key, slots in account.used.items():
        named, measure, window = key.rsplit("\x00", 2)
        is_meant = (named, measure) == (rule, Measure.REJECTIONS)
        latest = int(at * SLOTS // int(window))
        kept[key] = {slot: n for slot, n in slots.items() if slot > latest} if is_meant else slots
    return replace(account, used=kept)


def used(account: Account, rule: str, budget: Budget, at: float) -> int:
    """What counts of a budget at this time, reservations included."""
    slots = account.used.get(_key(rule, budget), {})
    return sum(amount for slot, amount in slots.items() if _ends(slot, budget.window) > at)


def room_at(account: Account, rule: str, budget: Budget, at: float) -> float | None:
    """When the budget has room for one more, if nothing else is used; None for a budget of nothing."""
    left = used(account, rule, budget, at)
    slots = account.used.get(_key(rule, budget), {})
    for slot in sorted(slots):
        if left < budget.amount:
            break
        if _ends(slot, budget.window) > at:
            left -= slots[slot]
            at_end = _ends(slot, budget.window)
            if left < budget.amount:
                return at_end
    return at if left < budget.amount else None


def in_words(refused: Refused) -> tuple[str, str]:
    """For the client: what happened, and when there is room again."""
    window = duration(refused.window)
    when = room_time(refused)
    again = f"There is room again at {when.isoformat(timespec='seconds')}." if when is not None else ""
    if refused.measure is Measure.REJECTIONS:
        message = f"paused: reviewers rejected {refused.used} of its commands in {window}"
        return message, f"Nothing was executed. Ask them what they expect before you go on. {again}".strip()
    message = (
        f"its budget of {refused.amount} {refused.measure.value} in {window} is used up: "
        f"{refused.used} used, commands under way included"
    )
    return message, f"Nothing was executed. {again}".strip()


def room_time(refused: Refused) -> datetime | None:
    """When there is room again."""
    return None if refused.room_at is None else datetime.fromtimestamp(refused.room_at, UTC)


def duration(seconds: int) -> str:
    """A window in words: "1 hour", "15 minutes"."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return f"{timedelta(seconds=seconds).seconds} seconds" if seconds != 1 else "1 second"


def _without_reviewers(budgets: tuple[RuleBudgets, ...]) -> tuple[RuleBudgets, ...]:
    """What counts where no reviewer is asked."""
    kept = (
        replace(entry, budgets=tuple(one for one in entry.budgets if one.measure not in _OF_REVIEWERS))
        for entry in budgets
    )
    return tuple(entry for entry in kept if entry.budgets)


def _refusal(account: Account, budgets: tuple[RuleBudgets, ...], at: float) -> Refused | None:
    """The budget without room: one that denies before one that asks for a review."""
    found = [
        Refused(entry.rule, entry.over, budget.measure, budget.amount, budget.window, spent, when)
        for entry in budgets
        for budget in entry.budgets
        if (spent := used(account, entry.rule, budget, at)) >= budget.amount
        for when in (room_at(account, entry.rule, budget, at),)
    ]
    return min(found, key=lambda refused: refused.over is not Verdict.DENY, default=None)


def _reservation(
    account: Account, named: tuple[tuple[str, Budget], ...], limits: Limits, at: float
) -> Mapping[str, int]:
    """What a command may use of rows and bytes: its own limit, or what is left of every budget."""
    found: dict[str, int] = {}
    for measure, limit in ((Measure.ROWS, limits.rows), (Measure.BYTES, limits.bytes)):
        left = [
            budget.amount - used(account, rule, budget, at)
            for rule, budget in named
            if budget.measure is measure
        ]
        if left:
            found[measure.value] = min(left if limit is None else [*left, limit])
    return found


def _add(
    account: Account, named: tuple[tuple[str, Budget], ...], amounts: Mapping[str, int], at: float
) -> Account:
    """The account with these amounts, which may be less than nothing, in the slots of that time."""
    all_used = dict(account.used)
    for rule, budget in named:
        amount = amounts.get(budget.measure, 0)
        if amount:
            key, slot = _key(rule, budget), int(at * SLOTS // budget.window)
            slots = dict(all_used.get(key, {}))
            slots[slot] = max(0, slots.get(slot, 0) + amount)
            all_used[key] = slots
    return replace(account, used=all_used)


def _without_the_past(account: Account, at: float) -> Account:
    """The account without slots that no longer count and commands that can be forgotten."""
    kept: dict[str, Mapping[int, int]] = {}
    for key, slots in account.used.items():
        window = int(key.rpartition("\x00")[2])
        live = {slot: amount for slot, amount in slots.items() if amount and _ends(slot, window) > at}
        if live:
            kept[key] = live
    commands = {name: drawn for name, drawn in account.commands.items() if drawn.forget_at > at}
    over = [name for name, drawn in commands.items() if drawn.is_over]
    for name in _oldest(over, len(over) - REMEMBERED):
        del commands[name]
    return replace(account, used=kept, commands=commands)


def _oldest(names: list[str], count: int) -> Iterator[str]:
    yield from names[: max(0, count)]


def _key(rule: str, budget: Budget) -> str:
    return f"{rule}\x00{budget.measure.value}\x00{budget.window}"


def _ends(slot: int, window: int) -> float:
    """When what was used in a slot counts no longer."""
    return (slot + 1) * window / SLOTS + window
