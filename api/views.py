"""What the API says of an approval: the models. Names and meanings stay; more may be added."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from schemas.vocabulary import (
    Answer,
    ApprovalState,
    Fallback,
    GrantKind,
    GrantTerms,
    Intent,
    Outcome,
    PrincipalKind,
)

_EXAMPLE: dict[str, JsonValue] = {
    "id": "3f9a01bc-5c1e-8a77-9d20-4f6f0e6a7f11",
    "state": "pending",
    "principal": "agent-7",
    "principal_kind": "agent",
    "acts_for": "dana",
    "groups": ["agents"],
    "resource": "orders",
    "protocol": "postgres",
    "command": "delete from orders where id = 7",
    "parameters": [],
    "reason": "the customer ordered twice",
    "ticket": "OPS-12",
    "unmask": [],
    "rule": "changes need a DBA",
    "policy_version": "9b1c…",
    "requested_at": "2026-03-02T09:30:00.125Z",
    "expires_at": "2026-03-02T09:40:00.125Z",
    "on_timeout": "deny",
    "hold": True,
    "does": ["deletes from public.orders"],
    "undoing": "Only row by row, by who knows the old values.",
    "intents": ["write"],
    "statements": ["delete"],
    "tables": ["public.orders"],
    "columns": ["public.orders.id"],
    "functions": [],
    "programs": [],
    "methods": [],
    "paths": [],
    "verbs": [],
    "kinds_of_object": [],
    "namespaces": [],
    "tools": [],
    "probed": [],
    "unproven": [],
    "reviewers": ["dba"],
    "all_of": [],
    "approvals_needed": 1,
    "afterwards": False,
    "is_overdue": False,
    "then": [],
    "stage": 1,
    "deciders": ["dba"],
    "escalates_at": None,
    "escalates_to": [],
    "decisions": [],
    "decided_by": [],
    "comment": "",
    "settled_at": None,
    "digest": "5d41…",
    "session": "0198f3c2-7a10-7cc1-b3a1-2f0f35a0e7d1",
    "command_id": "0198f3c2-7a44-7d02-8d7a-9a1e4b6f2c33",
    "client_address": "127.0.0.1:53122",
    "context": {"role": "app", "search_path": "public"},
    "pattern": "delete from orders where id = ‹value›",
    "access": None,
    "grants": {"kinds": ["pattern"], "seconds": 3600, "uses": 20},
    "granted": None,
    "estimate": {"rows": 1, "cost": 8.3},
    "locks": ["rows it changes, against other changes of them"],
    "transaction": None,
    "can_decide": True,
    "cannot_decide_because": None,
    "can_revoke": False,
    "identical": [],
}


class DecisionView(BaseModel):
    """One reviewer's answer."""

    reviewer: str
    answer: Answer
    comment: str
    time: datetime


class AccessView(BaseModel):
    """A window of time in which the requester's commands of the `intents` need no review."""

    seconds: float
    starts_at: datetime | None = Field(description="null: from the approval on")


class GrantLimitsView(BaseModel):
    """What the rules permit reviewers to grant."""

    kinds: list[GrantKind]
    seconds: float = Field(description="at most this long")
    uses: int | None = Field(description="at most this many; null: as many as come")


class GrantOffer(BaseModel):
    """What is granted along with an approval: commands of this pattern, or reading in this session. Of
    several reviewers all must grant the same kind; the shortest time and the fewest uses count."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal[GrantKind.PATTERN, GrantKind.SESSION]
    seconds: float = Field(gt=0)
    uses: int | None = Field(default=None, ge=1, description="null: as many as come")

    def terms(self) -> GrantTerms:
        return GrantTerms(self.kind, self.seconds, self.uses)


class RanView(BaseModel):
    """One statement that a COMMIT makes last."""

    command: str = Field(description="the whole text; sensitive literals are placeholders")
    parameters: list[str | None]
    command_id: str
    rows: int = Field(description="that it returned or changed")
    outcome: Outcome
    at_commit: bool = Field(description="whether it ran before its review, which is this one")


class LockView(BaseModel):
    """A lock on a relation."""

    relation: str
    mode: str


class SampledRowView(BaseModel):
    """A changed row, as its columns' values: masked, and cut short."""

    before: list[str | None] | None = Field(description="null: it was not there")
    after: list[str | None] | None = Field(description="null: it is gone")


class ChangedRowsView(BaseModel):
    """How many rows of a relation a transaction changed, by whatever way, as the target counts them."""

    relation: str
    inserted: int
    updated: int
    deleted: int
    columns: list[str] = Field(description="those of the sample")
    sample: list[SampledRowView] = Field(description="some of these rows, where the rule asks for that")
    not_sampled: str = Field(description="why there is no sample where the rule asks for one")


class TransactionView(BaseModel):
    """An open transaction whose COMMIT waits."""

    began_at: datetime
    statements: list[RanView] = Field(description="in the order in which they ran")
    changed: list[ChangedRowsView]
    locks: list[LockView] = Field(description="what it keeps from others until it has ended")


class EstimateView(BaseModel):
    """What the target's planner thinks of a command. Nothing of it has run."""

    rows: int = Field(description="that it would return or change")
    cost: float = Field(description="in the target's own units")


class StageView(BaseModel):
    """A further stage of a review."""

    reviewers: list[str]
    all_of: list[str]
    approvals_needed: int


class ApprovalView(BaseModel):
    """One request for review. Names and meanings stay; more may be added."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    state: ApprovalState
    principal: str = Field(description="who asks")
    principal_kind: PrincipalKind
    acts_for: str = Field(description="the person for whom an agent asks, who cannot decide it either")
    groups: list[str]
    resource: str
    protocol: str
    command: str = Field(description="the whole text; sensitive literals are placeholders")
    parameters: list[str | None]
    reason: str = Field(
        description="why the requester wants it, in their words; empty where they did not say"
    )
    ticket: str = Field(description="the ticket they named with it")
    unmask: list[str] = Field(description="columns that an approval shows unmasked in this command's answer")
    rule: str = Field(description="the rule that asks for the review")
    policy_version: str
    requested_at: datetime
    expires_at: datetime
    on_timeout: Fallback = Field(description="what happens when nobody decides in time")
    hold: bool = Field(description="whether its client waits; false: it runs once it is asked for again")
    afterwards: bool = Field(description="it ran at once, by break-glass, and is reviewed after the fact")
    is_overdue: bool = Field(description="whether it waits for a day to be reviewed afterwards")
    does: list[str] = Field(description="what it does in plain words, the heaviest first")
    undoing: str = Field(description="whether what it does can be undone")
    intents: list[Intent]
    statements: list[str]
    tables: list[str]
    columns: list[str]
    functions: list[str]
    programs: list[str]
    methods: list[str]
    paths: list[str]
    verbs: list[str]
    kinds_of_object: list[str]
    namespaces: list[str] = Field(description="of a cluster; *: all of them")
    tools: list[str] = Field(description="of an MCP server")
    probed: list[str]
    unproven: list[str] = Field(description="why the gateway cannot prove all that the command does")
    reviewers: list[str] = Field(description="groups, any of which may decide")
    all_of: list[str] = Field(description="groups, of each of which a person of its own must approve")
    approvals_needed: int
    then: list[StageView] = Field(description="further stages, each after the one before")
    stage: int | None = Field(description="the stage that waits, from 1; null where all have approved")
    deciders: list[str] = Field(description="groups, any of which may decide now")
    escalates_at: datetime | None = Field(description="when members of `escalates_to` may decide, too")
    escalates_to: list[str]
    decisions: list[DecisionView]
    decided_by: list[str] = Field(description="whose decisions settled it")
    comment: str = Field(description="of the decision that settled it")
    settled_at: datetime | None
    digest: str = Field(description="SHA-256 of the command's canonical form: what a decision is for")
    session: str
    command_id: str
    client_address: str
    context: dict[str, str] = Field(description="what the meaning of the text depends on")
    pattern: str = Field(description="what a grant of kind pattern is for; empty where there can be none")
    access: AccessView | None = Field(description="no command waits: this window of time is asked for")
    grants: GrantLimitsView | None = Field(description="what may be granted along with an approval")
    granted: GrantOffer | None = Field(description="what was granted along with it")
    estimate: EstimateView | None = Field(description="null: the target was not asked, or has not answered")
    locks: list[str] = Field(description="what it locks at the target while it runs, by its statements")
    transaction: TransactionView | None = Field(description="it is a COMMIT: what it makes last")
    can_decide: bool = Field(description="whether the one who asks may decide it now")
    cannot_decide_because: str | None
    can_revoke: bool = Field(description="whether the one who asks may take back that it was approved")
    identical: list[str] = Field(description="what else of theirs waits for the very same, at most 50")
