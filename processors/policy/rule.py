"""One rule as data, in the words of the configuration file. Durations are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.vocabulary import (
    Fallback,
    GrantLimits,
    Intent,
    OnUnavailable,
    PrincipalKind,
    ReviewAt,
    ReviewStage,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Hours:
    """A daily window in a time zone. `days` are those on which the window begins."""

    start: str  # "HH:MM", within the window
    end: str  # "HH:MM", no longer within; before `start`: the window passes midnight
    zone: str  # such as Europe/Berlin
    days: tuple[str, ...]  # "mon" to "sun"


@dataclass(frozen=True, slots=True)
class When:
    """What a rule matches on; None where the rule does not say. All that is given must match."""

    users: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    kinds: tuple[PrincipalKind, ...] | None = None
    acts_for: tuple[str, ...] | None = None  # names and globs of persons
    acts_for_groups: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    labels: Mapping[str, str] | None = None
    intents: tuple[Intent, ...] | None = None
    statements: tuple[str, ...] | None = None
    tables: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    functions: tuple[str, ...] | None = None
    programs: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    verbs: tuple[str, ...] | None = None
    kinds_of_object: tuple[str, ...] | None = None
    namespaces: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    command: str | None = None
    unmask: tuple[str, ...] | None = None
    hours: Hours | None = None
    networks: tuple[str, ...] | None = None
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who may decide as well, once a command has waited for `after` seconds."""

    after: float
    to: tuple[str, ...]  # groups


@dataclass(frozen=True, slots=True)
class Review:
    """Who reviews, how many must approve, and what happens when nobody does."""

    reviewers: tuple[str, ...]  # groups, any of which may decide
    approvals: int
    timeout: float
    on_timeout: Fallback
    valid_for: float  # how long an approval may be used
    all_of: tuple[str, ...] = ()  # groups, of each of which a person of its own must approve
    hold: bool = True  # False: the client is answered at once, and asks again once it is approved
    grants: GrantLimits | None = None  # what reviewers may grant along with an approval; None: nothing
    break_glass: tuple[str, ...] = ()  # groups that may run at once, and are reviewed afterwards
    owners: bool = False  # the resource's owners may decide in the first stage
    then: tuple[ReviewStage, ...] = ()  # further stages
    escalation: Escalation | None = None
    at: ReviewAt = ReviewAt.COMMAND
    on_unavailable: OnUnavailable = OnUnavailable.HOLD
    reserve: str = ""  # the rule that decides where no reviewer can be reached
    hold_limit: float | None = None  # at a COMMIT: how long its transaction may last
    sample: int = 0  # at a COMMIT: changed rows of each table that its reviewers see


@dataclass(frozen=True, slots=True)
class Limits:
    """Obligations on one command; None where there is no limit."""

    rows: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    cost: float | None = None  # as the target's planner estimates it
    read_only: bool = False
    block: tuple[str, ...] = ()  # detectors, or BINARY: what passes neither way in a file or stream


class Measure(StrEnum):
    """What a budget counts."""

    COMMANDS = "commands"
    ROWS = "rows"
    BYTES = "bytes"
    APPROVALS = "approvals"  # that reviewers are asked for
    REJECTIONS = "rejections"  # of what they were asked for


@dataclass(frozen=True, slots=True)
class Budget:
    """What one principal may use within any `window` seconds."""

    measure: Measure
    amount: int
    window: int


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy of the configuration. `review` is there exactly where `verdict` or `over` is review."""

    name: str
    when: When
    verdict: Verdict
    review: Review | None = None
    limits: Limits = NO_LIMITS
    budgets: tuple[Budget, ...] = ()
    over: Verdict = Verdict.DENY  # what happens to a command that is over a budget: review or deny
    require: tuple[str, ...] = ()  # what the requester must say: "reason", "ticket"
    message: str = ""

    @property
    def permits(self) -> bool:
        """Whether something happens by this rule that would not without it: it must be sure of its match.

        A review of unmasked answers permits asking for them; any other review holds what it suspects.
        """
        asks = self.verdict is Verdict.REVIEW and self.when.unmask is not None
        return self.verdict is Verdict.ALLOW or asks
