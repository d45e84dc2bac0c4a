"""What the API answers. Names and meanings are those of /api/openapi.json."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Answered(BaseModel):
    """What every answer has: it does not change, and fields that are not known here are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Decision(Answered):
    """One reviewer's answer."""

    reviewer: str
    answer: str  # approve, reject or revoke
    comment: str
    time: datetime


class Access(Answered):
    """A window of time that is asked for; None: from the approval on."""

    seconds: float
    starts_at: datetime | None


class GrantLimits(Answered):
    """What may be granted along with an approval."""

    kinds: list[str]
    seconds: float
    uses: int | None


class GrantOffer(Answered):
    """What is granted along with an approval: `pattern` or `session`, for so long, so many times."""

    kind: str
    seconds: float
    uses: int | None = None


class Stage(Answered):
    """A further stage of a review."""

    reviewers: list[str]
    all_of: list[str]
    approvals_needed: int


class Ran(Answered):
    """One statement that a COMMIT makes last."""

    command: str
    parameters: list[str | None]
    command_id: str
    rows: int
    outcome: str
    at_commit: bool


class Lock(Answered):
    """A lock on a relation."""

    relation: str
    mode: str


class SampledRow(Answered):
    """A changed row, as its columns' values, masked; None where it was not there, or is gone."""

    before: list[str | None] | None
    after: list[str | None] | None


class ChangedRows(Answered):
    """How many rows of a relation a transaction changed."""

    relation: str
    inserted: int
    updated: int
    deleted: int
    columns: list[str]
    sample: list[SampledRow]
    not_sampled: str


class Transaction(Answered):
    """An open transaction whose COMMIT waits."""

    began_at: datetime
    statements: list[Ran]
    changed: list[ChangedRows]
    locks: list[Lock]


class Estimate(Answered):
    """What the target's planner thinks of a command."""

    rows: int
    cost: float


class Approval(Answered):
    """One request for review."""

    id: str
    state: str  # pending, approved, rejected, timed_out, withdrawn or revoked
    principal: str
    principal_kind: str  # agent or person
    acts_for: str
    groups: list[str]
    resource: str
    protocol: str
    command: str  # sensitive literals are placeholders
    parameters: list[str | None]
    reason: str
    ticket: str
    unmask: list[str]
    rule: str
    policy_version: str
    requested_at: datetime
    expires_at: datetime
    on_timeout: str
    hold: bool
    afterwards: bool
    is_overdue: bool
    does: list[str]
    undoing: str
    intents: list[str]
    statements: list[str]
    tables: list[str]
    columns: list[str]
    functions: list[str]
    programs: list[str]
    methods: list[str]
    paths: list[str]
    verbs: list[str]
    kinds_of_object: list[str]
    namespaces: list[str]
    tools: list[str]
    probed: list[str]
    unproven: list[str]
    reviewers: list[str]
    all_of: list[str]
    approvals_needed: int
    then: list[Stage]
    stage: int | None
    deciders: list[str]
    escalates_at: datetime | None
    escalates_to: list[str]
    decisions: list[Decision]
    decided_by: list[str]
    comment: str
    settled_at: datetime | None
    digest: str  # what a decision is for
    session: str
    command_id: str
    client_address: str
    context: dict[str, str]
    pattern: str
    estimate: Estimate | None
    locks: list[str]
    transaction: Transaction | None
    access: Access | None
    grants: GrantLimits | None
    granted: GrantOffer | None
    can_decide: bool
    cannot_decide_because: str | None
    can_revoke: bool
    identical: list[str]


class Grant(Answered):
    """What reviewers let through beforehand."""

    id: str
    kind: str
    state: str  # upcoming, active, revoked or ended
    principal: str
    acts_for: str
    resource: str
    pattern: str
    intents: list[str]
    session: str
    rule: str
    issued_by: str
    issued_at: datetime
    starts_at: datetime
    expires_at: datetime
    uses: int | None
    used: int | None
    reason: str
    ticket: str
    comment: str
    approval: str
    revoked_by: str
    revoked_at: datetime | None
    revocation: str
    can_revoke: bool


class Session(Answered):
    """One client connection by one principal to one resource."""

    id: str
    principal: str
    principal_kind: str
    groups: list[str]
    resource: str
    protocol: str
    database: str
    client_address: str
    client_name: str
    state: str  # open, closed or lost
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str


class Command(Answered):
    """One command, what was decided on it, and what came of it."""

    id: str
    text: str
    parameters: list[str | None]
    intents: list[str]
    statements: list[str]
    tables: list[str]
    verdict: str  # allow, review or deny; empty before the verdict
    rule: str
    approval: str
    decided_by: list[str]
    comment: str
    outcome: str  # succeeded, failed, unknown, refused, abandoned, held or running
    message: str
    rows: int
    bytes: int
    masked: int
    milliseconds: float
    error_code: str
    error: str
    requested_at: datetime
    decided_at: datetime | None
    finished_at: datetime | None


class Transfer(Answered):
    """What went one way through one open file."""

    command: str
    path: str
    direction: str  # read: to the client; write: to the host
    bytes: int
    sha256: str  # empty where the bytes did not go from the beginning on, in order
    recorded: int  # how many of the bytes the recording has


class FoundCommand(Command):
    """A command of the audit log, and where it belongs."""

    session: str
    principal: str
    resource: str


class Rules(Answered):
    """The rules in force."""

    text: str
    proposal: str  # empty: those of the configuration file
    published_at: datetime | None
    author: str
    approved_by: list[str]
    published_by: list[str]
    can_propose: bool


class Proposal(Answered):
    """Rules that somebody proposed."""

    id: str
    state: str  # pending, published, rejected, withdrawn or outdated
    author: str
    comment: str
    proposed_at: datetime
    open_until: datetime
    text: str
    digest: str
    diff: str
    decided_by: list[str]
    decided_at: datetime | None
    decision: str
    can_approve: bool
    can_reject: bool


class Change(Answered):
    """A command that rules would judge otherwise."""

    command: str
    requested_at: datetime
    principal: str
    resource: str
    does: str
    text: str | None
    verdict: str
    rule: str
    verdict_then: str
    rule_then: str


class Simulation(Answered):
    """What rules would change for commands that were asked for."""

    looked_at: int
    since: datetime | None
    other_verdicts: int
    other_rules: int
    counts: dict[str, int]
    changes: list[Change]


MODELS: dict[str, type[Answered]] = {
    "ApprovalView": Approval,
    "DecisionView": Decision,
    "AccessView": Access,
    "GrantLimitsView": GrantLimits,
    "GrantOffer": GrantOffer,
    "StageView": Stage,
    "RanView": Ran,
    "LockView": Lock,
    "TransactionView": Transaction,
    "EstimateView": Estimate,
    "GrantView": Grant,
    "SessionView": Session,
    "CommandView": Command,
    "TransferView": Transfer,
    "FoundCommand": FoundCommand,
    "RulesView": Rules,
    "ProposalView": Proposal,
    "ChangeView": Change,
    "SimulationView": Simulation,
}
"""What the OpenAPI document calls each of them."""
