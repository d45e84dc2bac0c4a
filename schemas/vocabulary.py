"""The words that commands, policy and audit share. Plain frozen values; no I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PrincipalKind(StrEnum):
    AGENT = "agent"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person or an agent, with the groups its identity provider gives it."""

    name: str
    kind: PrincipalKind
    groups: tuple[str, ...] = ()
    acts_for: str = ""  # the person for whom an agent acts, where it was delegated to
    acts_for_groups: tuple[str, ...] = ()  # that person's groups


def asked_by(principal: Principal) -> frozenset[str]:
    """Whose request it is, in lower case; an agent asks for a person, too. None of them reviews it."""
    return frozenset(name.casefold() for name in (principal.name, principal.acts_for) if name)


class Intent(StrEnum):
    """What a command is for. A command may have several; `unknown` never counts as `read`."""

    READ = "read"
    PROBE = "probe"
    WRITE = "write"
    BULK_WRITE = "bulk_write"
    DDL = "ddl"
    EXPORT = "export"
    CREDENTIAL = "credential"
    ADMIN = "admin"
    EXEC = "exec"
    NETWORK = "network"
    SESSION = "session"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """What the client asks for: to run the command, or only to have it parsed and described.

    A preparation executes nothing: where the policy says review, it is let through and the
    execution is what waits for the reviewer (docs/decisions/0002).
    """

    PREPARE = "prepare"
    EXECUTE = "execute"


@dataclass(frozen=True, slots=True)
class Output:
    """One column of a command's answer, and where its values can come from."""

    name: str
    sources: tuple[str, ...]  # "schema.table.column", every column a value may derive from
    proven: bool  # True: `sources` is complete
    bare: bool = False  # it is the very value of a column, nothing computed


@dataclass(frozen=True, slots=True)
class Facts:
    """What a protocol's parser proves about a command. All tuples are sorted and without doubles,
    except `outputs`, which is in the order of the answer's columns."""

    intents: tuple[Intent, ...]
    statements: tuple[str, ...] = ()  # "select", "delete", "drop_table", …
    tables: tuple[str, ...] = ()  # "schema.table"
    columns: tuple[str, ...] = ()  # "schema.table.column"
    functions: tuple[str, ...] = ()  # "schema.function"
    programs: tuple[str, ...] = ()  # what it starts on the target, as in COPY … PROGRAM
    outputs: tuple[Output, ...] = ()
    outputs_known: bool = False  # True: `outputs` has exactly the answer's columns
    unproven: tuple[str, ...] = ()  # why `unknown` is among the intents, in words for the reviewer
    probed: tuple[str, ...] = ()  # why `probe` is: the sensitive columns that its behaviour tells of
    methods: tuple[str, ...] = ()  # of an HTTP request: "GET"
    paths: tuple[str, ...] = ()  # files of the target, or an HTTP request's path
    verbs: tuple[str, ...] = ()  # of a request to a cluster: "get", "deletecollection"
    kinds_of_object: tuple[str, ...] = ()  # "pods", "pods/exec", "deployments.apps"
    namespaces: tuple[str, ...] = ()  # of a cluster; "*": all of them
    tools: tuple[str, ...] = ()  # of an MCP server, that are called


class Verdict(StrEnum):
    """Ordered from the mildest to the strictest."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class SensitiveColumn:
    """A sensitive column of a resource: a pattern over "schema.table.column" and its mask."""

    pattern: str  # each of the three parts a name or "*"
    mask: str  # a name in MASKS


@dataclass(frozen=True, slots=True)
class MaskingPlan:
    """How the answer to one command is masked before it leaves the gateway."""

    columns: tuple[SensitiveColumn, ...] = ()  # judged by a result column's origin
    outputs: tuple[str, ...] = ()  # by position, from lineage: a mask's name, or "" for proven clean
    sources: tuple[str, ...] = ()  # by position: its one sensitive column; "" none or several, "?" not proven
    writes: bool = False  # the answer may hold what the command itself wrote: its origin clears nothing
    unproven: str = ""  # the mask for what neither origin nor lineage proves clean; "" for none
    detectors: tuple[str, ...] = ()  # names in DETECTORS, run over all text that leaves


BINARY = "binary"
"""What an obligation to block calls bytes that are no text, beside the names of detectors."""


@dataclass(frozen=True, slots=True)
class LimitSource:
    """Which rule set a limit: of several that match, the strictest."""

    limit: str  # "rows", "bytes", "time", "cost", "read_only", "at_commit", "block:NAME"
    rule: str


@dataclass(frozen=True, slots=True)
class Obligations:
    """What an ingress must do when it forwards the command."""

    masking: MaskingPlan = MaskingPlan()
    rows: int | None = None  # at most this many rows in the answer
    bytes: int | None = None  # at most this many bytes of answer
    seconds: float | None = None  # at most this long at the target
    cost: float | None = None  # at most this, as the target's planner estimates it before it runs
    read_only: bool = False  # in a transaction in which the target lets nothing be written
    limited_by: tuple[LimitSource, ...] = ()
    unmasked: tuple[str, ...] = ()  # "schema.table.column": left clear for the client, never in the recording
    at_commit: bool = False  # it runs in a transaction whose COMMIT is held for review
    sample: int = 0  # of each table's changed rows so many are shown to the reviewers of that COMMIT, masked
    block: tuple[
        str, ...
    ] = ()  # names in DETECTORS, or BINARY: what must pass neither way in a file or stream

    def rule_of(self, limit: str) -> str:
        """The rule that set this limit; empty where the verdict does not say."""
        return next((source.rule for source in self.limited_by if source.limit == limit), "")


class Outcome(StrEnum):
    """How a command that was let through ended. Unknown is never reported as failed."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ApprovalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"


class Answer(StrEnum):
    """A reviewer's answer to an approval. To revoke is to take back what was approved; to resume is to say of
    what was rejected that it counts no longer against who asked."""

    APPROVE = "approve"
    REJECT = "reject"
    REVOKE = "revoke"
    RESUME = "resume"


class ProposalState(StrEnum):
    """How proposed rules stand."""

    PENDING = "pending"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # by its author
    OUTDATED = "outdated"  # others were published meanwhile


class Fallback(StrEnum):
    """What happens to an approval nobody decided in time."""

    ALLOW = "allow"
    DENY = "deny"


class OnUnavailable(StrEnum):
    """What happens to an approval while no reviewer can be reached."""

    HOLD = "hold"  # it waits, until its deadline
    DENY = "deny"
    RULE = "rule"  # another rule, kept for that, decides


@dataclass(frozen=True, slots=True)
class ReviewStage:
    """One of several stages of a review, of which each waits for the one before."""

    reviewers: tuple[str, ...]  # groups, any of which may decide
    approvals: int = 1  # how many persons must approve
    all_of: tuple[str, ...] = ()  # groups, of each of which a person of its own must approve


class GrantKind(StrEnum):
    """What a grant lets through: commands of one pattern, what only reads in one session, or commands of some
    intents in a window of time that was asked for beforehand."""

    PATTERN = "pattern"
    SESSION = "session"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a reviewer grants along with an approval."""

    kind: GrantKind
    seconds: float  # from the approval on
    uses: int | None = None  # None: as many as come


@dataclass(frozen=True, slots=True)
class GrantLimits:
    """What the rules permit reviewers to grant."""

    kinds: tuple[GrantKind, ...]
    seconds: float  # at most this long
    uses: int | None = None  # at most this many; None: as many as come


class ReviewAt(StrEnum):
    """When a review holds what it is about: a command before it runs, or the COMMIT of its transaction."""

    COMMAND = "command"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Access:
    """The window of time that is asked for. `starts_at` None: from the approval on."""

    seconds: float
    starts_at: datetime | None = None


class Role(StrEnum):
    """The processes of Countersign; each signs its events with its own key."""

    INGRESS = "ingress"
    PROCESSORS = "processors"
    PROJECTIONS = "projections"
    API = "api"


@dataclass(frozen=True, slots=True)
class MaskedField:
    """How many values of one field were masked, and by what; never a value."""

    field: str  # "schema.table.column", "output:NAME", or "detector:NAME"
    mask: str  # or "block": they were not let through at all
    count: int


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One thing beside its text that a command's meaning depends on, such as role or search path."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RanStatement:
    """One statement of an open transaction, as it ran."""

    command: str  # its id
    digest: str
    text: str  # and its parameters: as events may show them
    parameters: tuple[str | None, ...]
    facts: Facts  # without its outputs
    context: tuple[ContextItem, ...]
    reason: str
    ticket: str
    rows: int  # returned or changed
    outcome: Outcome  # unknown: the client has not read all of its answer
    at_commit: bool  # it ran before its review, which is that of the COMMIT


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that an open transaction holds on a relation."""

    relation: str  # "schema.table"
    mode: str  # as the target calls it


@dataclass(frozen=True, slots=True)
class SampledRow:
    """A row that an open transaction changed, as its columns' masked values, cut short. Empty where it was
    not there before, or is gone after."""

    before: tuple[str | None, ...]
    after: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """How many rows of a relation an open transaction has changed, as the target counts them: by whatever
    way, such as a trigger, a cascade or a WITH, and not less where a savepoint took some back."""

    relation: str  # "schema.table"
    inserted: int
    updated: int
    deleted: int
    columns: tuple[str, ...] = ()  # those of `sample`
    sample: tuple[SampledRow, ...] = ()
    not_sampled: str = ""  # why there is no sample where the rule asks for one


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction whose COMMIT is asked about: what ran in it, in order, and what it keeps locked."""

    began_at: datetime
    statements: tuple[RanStatement, ...]
    locks: tuple[Lock, ...]
    changed: tuple[ChangedRows, ...] = ()
