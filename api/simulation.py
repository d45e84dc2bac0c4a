"""Rules tried on commands that were asked for: which of them would get another verdict. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from processors.policy.bundle import Bundle
from processors.policy.command import command_of
from processors.policy.decision import decide
from schemas.events import CommandRequested
from schemas.vocabulary import Stage, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """What rules say about a command; `rule` is empty where none matches."""

    verdict: Verdict
    rule: str


@dataclass(frozen=True, slots=True)
class Change:
    """A command with another verdict, or the same by another rule."""

    request: CommandRequested
    before: Judged
    after: Judged


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would change. The commands are those that were looked at, the oldest of them `since`."""

    looked_at: int
    since: datetime | None
    changes: tuple[Change, ...]

    @property
    def other_verdicts(self) -> tuple[Change, ...]:
        """Those whose verdict is another."""
        return tuple(change for change in self.changes if change.before.verdict is not change.after.verdict)

    @property
    def counts(self) -> Sequence[tuple[Verdict, Verdict, int]]:
        """How many commands go from one verdict to another, the most first."""
        found = Counter((change.before.verdict, change.after.verdict) for change in self.other_verdicts)
        return [(before, after, count) for (before, after), count in found.most_common()]


def compare(requests: Iterable[CommandRequested], before: Bundle, after: Bundle) -> Simulation:
    """Each command at its own time under both bundles. What budgets leave and what was granted does not
    count: they depend on what else was let through."""
    looked_at, since, changes = 0, None, []
    for request in requests:
        if request.stage is Stage.PREPARE:
            continue
        looked_at += 1
        at = request.envelope.time
        since = at if since is None else min(since, at)
        change = Change(request, _judge(request, before), _judge(request, after))
        if change.before != change.after:
            changes.append(change)
    return Simulation(looked_at, since, tuple(changes))


def _judge(request: CommandRequested, bundle: Bundle) -> Judged:
    resource = bundle.resources.get(request.envelope.resource)
    if resource is None:
        return Judged(Verdict.DENY, "")
    decision = decide(command_of(request, resource), bundle.rules, request.envelope.time)
    return Judged(decision.verdict, decision.rule)
