"""The events: facts in the past tense, immutable. The Avro file of the same name is the contract.

A field added later has a default in its Avro file; none is ever renamed, removed or given another type.
"""

from dataclasses import dataclass
from datetime import datetime

from schemas.envelope import Envelope
from schemas.vocabulary import (
    Access,
    Answer,
    ApprovalState,
    ContextItem,
    Facts,
    Fallback,
    GrantKind,
    GrantLimits,
    GrantTerms,
    Intent,
    MaskedField,
    Obligations,
    OnUnavailable,
    Outcome,
    Principal,
    ProposalState,
    ReviewStage,
    Role,
    Stage,
    Transaction,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share."""

    envelope: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(Event):
    """A principal's client connected to a resource and both sides are signed in."""

    principal: Principal
    protocol: str
    database: str  # what of the resource was opened, where there is a choice
    client_address: str  # "host:port"
    client_name: str  # what the client calls itself, such as application_name
    method: str = ""  # how the principal showed who they are: "token", "oidc", "saml", "federated"
    token: str = ""  # the id of the gateway token or JWT that was shown, where it has one


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed(Event):
    """The session ended; nothing more comes from it."""

    reason: str  # in words: "the client left", "the target went away", …


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequested(Event):
    """An ingress holds a command and asks for the verdict on it."""

    principal: Principal
    stage: Stage
    protocol: str
    text: str  # sensitive literals replaced by placeholders
    parameters: tuple[str | None, ...]  # bound parameters as text, sensitive ones replaced; None is NULL
    sealed: bytes  # the original text and parameters, encrypted; empty when nothing was replaced
    digest: str  # SHA-256 in hex over the canonical form of the original
    context: tuple[ContextItem, ...]  # part of the digest
    facts: Facts
    client_address: str
    reply_to: int  # the partition of `verdicts` that the ingress reads
    deadline: datetime  # without a verdict or an approval by then, the ingress refuses
    reason: str = ""  # why the requester wants it, in their words
    ticket: str = ""  # where more is said about it
    unmask: tuple[str, ...] = ()  # columns they ask to see unmasked: "schema.table.column"
    pattern: str = ""  # the text without what may vary under a grant; empty: it has no pattern
    fingerprint: str = ""  # SHA-256 in hex of the pattern and of what such commands mean and do
    holds_commit: bool = False  # what it changes lasts only by a COMMIT that the ingress asks about
    transaction: Transaction | None = None  # it is that COMMIT: what it makes last


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFinished(Event):
    """A command that was let through ended."""

    outcome: Outcome
    rows: int  # rows returned or changed
    bytes: int  # bytes of the answer that left the gateway
    microseconds: int  # from release to the end of the answer
    error_code: str  # the target's code, such as a SQLSTATE; empty on success
    error: str  # the target's message, masked
    masked: tuple[MaskedField, ...]
    limit: str = ""  # the limit at which the gateway stopped it: rows, bytes, time, block:NAME
    limit_rule: str = ""  # the rule that set it


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAbandoned(Event):
    """A command ended without having been sent to the target, and not by a verdict of deny."""

    reason: str  # in words: "the client left", "no verdict came in time", …


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAllowed(Event):
    """The verdict allow, for one digest, once, until it expires."""

    digest: str
    rule: str
    policy_version: str
    expires_at: datetime
    obligations: Obligations
    approval: str  # the approval that led here, or empty
    decided_by: tuple[str, ...]  # the reviewers, empty when the policy alone decided
    comment: str  # the reviewer's
    grant: str = ""  # the grant that let it through, or empty
    break_glass: str = ""  # it ran at once in an emergency: the approval by which it is reviewed afterwards
    unattended: bool = False  # no reviewer could be reached: the rule's `on_unavailable` decided


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDenied(Event):
    """The verdict deny."""

    digest: str
    rule: str  # empty when nothing matched
    policy_version: str
    message: str  # for the client: what happened
    hint: str  # for the client: what to do
    approval: str
    state: ApprovalState | None  # how the approval ended, where there was one
    decided_by: tuple[str, ...]
    comment: str
    retry_at: datetime | None = None  # when a budget has room again, where one was used up
    missing: tuple[str, ...] = ()  # what the requester must say first: "reason", "ticket"
    unattended: bool = False  # no reviewer could be reached: the rule's `on_unavailable` decided


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPending(Event):
    """The verdict review: the command waits for a reviewer. Tells the ingress what to tell the client."""

    approval: str
    digest: str
    rule: str
    reviewers: tuple[str, ...]  # groups
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerminated(Event):
    """An order to an ingress: end this session now."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRevoked(Event):
    """An order to an ingress: a command was let through by an approval that is revoked, or by a grant that
    has ended. It must not run; if it runs, it is cancelled at the target. What has ended stays as it was."""

    digest: str
    approval: str
    revoked_by: str  # empty: the grant's time is over
    comment: str
    grant: str = ""  # the grant that let it through, or empty


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested(Event):
    """A command waits for review. Holds all that a reviewer and the state machine need."""

    approval: str
    principal: Principal
    protocol: str
    text: str
    parameters: tuple[str | None, ...]
    sealed: bytes
    digest: str
    context: tuple[ContextItem, ...]
    facts: Facts
    client_address: str
    rule: str
    policy_version: str
    reviewers: tuple[str, ...]  # groups, any of which may decide
    approvals: int  # how many persons must approve
    expires_at: datetime
    on_timeout: Fallback
    valid_for: float  # seconds an approval may be used
    obligations: Obligations  # of the verdict that an approval leads to
    reply_to: int
    reason: str = ""
    ticket: str = ""
    unmask: tuple[str, ...] = ()  # columns that an approval shows unmasked in the answer to this command
    hold: bool = True  # False: the client was answered at once, and uses the approval by asking again
    all_of: tuple[str, ...] = ()  # groups, of each of which a person of its own must approve
    pattern: str = ""
    fingerprint: str = ""
    rules: tuple[str, ...] = ()  # SHA-256 in hex of each rule that asks for this review, as it was then
    grants: GrantLimits | None = None  # what reviewers may grant along with an approval
    access: Access | None = None  # no command waits: this window of time is asked for
    then: tuple[ReviewStage, ...] = ()  # further stages, each after the one before
    escalates_at: datetime | None = None  # when others may decide as well
    escalates_to: tuple[str, ...] = ()  # their groups
    afterwards: bool = False  # the command ran at once, by break-glass: it is reviewed after the fact
    transaction: Transaction | None = None  # it is a COMMIT: what it makes last
    on_unavailable: OnUnavailable = OnUnavailable.HOLD  # what happens when no reviewer can be reached
    reserve: str = ""  # the rule that decides then, where one does


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEstimated(Event):
    """What the target's planner thinks of a command that waits for a reviewer; nothing of it ran."""

    approval: str
    rows: int  # that it would return or change
    cost: float  # in the target's own units


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequested(Event):
    """Somebody asks beforehand for a window of time in which their commands on a resource need no review."""

    approval: str  # that it will have
    principal: Principal
    intents: tuple[Intent, ...]
    access: Access
    reason: str
    ticket: str
    client_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDecided(Event):
    """One reviewer's answer. Whether it counts is for the approvals processor to say."""

    approval: str
    reviewer: Principal
    answer: Answer
    comment: str
    digest: str  # of the command that the reviewer was shown
    grant: GrantTerms | None = None  # what they grant along with the approval


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalEscalated(Event):
    """Nobody decided on an approval in time to keep it among its reviewers: others may decide as well."""

    approval: str
    reviewers: tuple[str, ...]  # their groups


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSettled(Event):
    """An approval ended."""

    approval: str
    state: ApprovalState
    rule: str
    decided_by: tuple[str, ...]
    comment: str
    requested_at: datetime
    digest: str = ""  # of the command it was asked for
    grant: GrantTerms | None = None  # what all who approved granted
    unattended: bool = False  # it timed out at once, since no reviewer could be reached


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseLifted(Event):
    """A reviewer lifted the pause that rejections under a rule led to: those before this count no longer."""

    approval: str  # one of those that were rejected
    rule: str
    lifted_by: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalWithdrawn(Event):
    """The requester no longer waits: it left, cancelled, or its ingress stopped."""

    approval: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantIssued(Event):
    """Reviewers gave the envelope's principal a temporary permission on the envelope's resource."""

    grant: str
    fingerprint: str
    pattern: str  # the normalised text that the reviewer saw
    issued_by: str  # who approved, separated by ", "
    expires_at: datetime
    uses: int | None
    kind: GrantKind = GrantKind.PATTERN
    approval: str = ""  # that it was given with
    rule: str = ""  # the name of the rule whose reviewers gave it
    rules: tuple[str, ...] = ()  # SHA-256 in hex of the rules that need no other review under it
    starts_at: datetime | None = None  # None: when it was issued
    intents: tuple[Intent, ...] = ()  # of the commands that a window lets through
    acts_for: str = ""  # the person for whom the agent must act
    reviewers: tuple[str, ...] = ()  # groups, any of which may revoke it
    reason: str = ""  # the requester's
    ticket: str = ""
    comment: str = ""  # the reviewers'
    decided_by: tuple[str, ...] = ()  # who approved, one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRevoked(Event):
    """A grant ended before its time."""

    grant: str
    revoked_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(Event):
    """Somebody signed in and was given a token of the gateway; the token itself is nowhere."""

    principal: Principal
    token: str  # its id
    method: str  # how they showed who they are: "token", "oidc", "saml", "federated"
    authenticated_at: datetime
    expires_at: datetime
    sign_ins: tuple[str, ...]  # ids of the token, and of the sign-ins and tokens it was given for
    client_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensRevoked(Event):
    """A token and what goes back to it, or all that the envelope's principal showed until `before`, end now:
    they are refused, and the sessions that were opened with them end."""

    token: str  # the id of a token or a sign-in; empty: all of the principal's
    before: datetime
    revoked_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserProvisioned(Event):
    """The identity provider's directory has a user (SCIM), like this from now on."""

    entry: str  # its id
    name: str
    active: bool | None  # whether they may come in; None: as before
    external_id: str  # the provider's own
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProvisioned(Event):
    """The identity provider's directory has a group (SCIM), like this from now on."""

    entry: str  # its id
    name: str
    external_id: str  # the provider's own
    joined: tuple[str, ...]  # ids of users; all others are members as before
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRemoved(Event):
    """The identity provider's directory has a user or a group no longer."""

    entry: str  # its id
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPublished(Event):
    """The processors decide by this bundle from now on."""

    bundle: str  # its name
    policy_version: str  # SHA-256 of the document, in hex
    document: str  # the rules as JSON
    proposal: str = ""  # whose rules these are; empty: those of the configuration file


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProposed(Event):
    """Somebody wants the processors to decide by these rules. They do once another person approved."""

    bundle: str
    proposal: str
    author: Principal
    text: str  # YAML: `policies:` and the rules, as they will be decided by
    digest: str  # SHA-256 of the text, in hex
    base: str  # the proposal whose rules are in force; empty: those of the configuration file are
    diff: str  # what the text changes of the rules in force, as a unified diff
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReviewed(Event):
    """One person's answer to proposed rules. Whether it counts is for the processors to say."""

    bundle: str
    proposal: str
    reviewer: Principal
    answer: Answer
    digest: str  # of the text that the reviewer was shown
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettled(Event):
    """A proposal ended; published, its rules are in force from here on, unless others came before."""

    bundle: str
    proposal: str
    state: ProposalState
    digest: str
    base: str  # the proposal whose rules it takes the place of
    decided_by: tuple[str, ...]
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChunk(Event):
    """A part of a session's recording, already masked."""

    sequence: int  # from 0, without gaps
    format: str  # how to read the frames' payloads: "postgres"
    frames: bytes  # zstd; see ingress/recorder.py


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSigned(Event):
    """The ledger's hash chain of one partition stood here."""

    topic: str
    partition: int
    offset: int  # the last event covered
    chain: str  # SHA-256 in hex


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHeartbeat(Event):
    """A process of Countersign is alive."""

    role: Role
    started_at: datetime
    status: str  # "starting", "ready", "stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRejected(Event):
    """Bytes on a topic that are no event, or whose signature does not verify."""

    topic: str
    partition: int
    offset: int
    reason: str
    raw: bytes


EVENTS: dict[str, type[Event]] = {
    event.__name__: event
    for event in (
        SessionOpened,
        SessionClosed,
        CommandRequested,
        CommandFinished,
        CommandAbandoned,
        CommandAllowed,
        CommandDenied,
        ApprovalPending,
        SessionTerminated,
        CommandRevoked,
        ApprovalRequested,
        CommandEstimated,
        AccessRequested,
        ReviewDecided,
        ApprovalEscalated,
        ApprovalSettled,
        PauseLifted,
        ApprovalWithdrawn,
        GrantIssued,
        GrantRevoked,
        TokenIssued,
        TokensRevoked,
        UserProvisioned,
        GroupProvisioned,
        EntryRemoved,
        PolicyPublished,
        PolicyProposed,
        PolicyReviewed,
        PolicySettled,
        RecordingChunk,
        CheckpointSigned,
        NodeHeartbeat,
        EventRejected,
    )
}
