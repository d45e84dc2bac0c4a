"""Which event goes to which topic, under which key, how long it is kept, and who may sign it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from schemas import events as e
from schemas.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic. `kept` None means for ever; `compacted` keeps the newest event of each key."""

    name: str
    partitions: int
    events: tuple[type[e.Event], ...]
    key: Callable[[Any], str]
    kept: timedelta | None
    compacted: bool = False


def _session(event: e.Event) -> str:
    return event.envelope.session


def _node(event: e.Event) -> str:
    return event.envelope.node


def _approval(event: Any) -> str:
    return str(event.approval)


LONG = timedelta(days=400)

COMMANDS = Topic(
    "countersign.commands",
    16,
    (e.SessionOpened, e.CommandRequested, e.CommandFinished, e.CommandAbandoned, e.SessionClosed),
    _session,
    LONG,
)
VERDICTS = Topic(
    "countersign.verdicts",
    16,
    (e.CommandAllowed, e.CommandDenied, e.ApprovalPending, e.SessionTerminated, e.CommandRevoked),
    _session,  # the partition is the one the request named
    LONG,
)
APPROVALS = Topic(
    "countersign.approvals",
    8,
    (
        e.ApprovalRequested,
        e.CommandEstimated,
        e.AccessRequested,
        e.ReviewDecided,
        e.ApprovalEscalated,
        e.ApprovalSettled,
        e.PauseLifted,
        e.ApprovalWithdrawn,
    ),
    _approval,
    LONG,
)
GRANTS = Topic(
    "countersign.grants", 8, (e.GrantIssued, e.GrantRevoked), lambda event: str(event.grant), None, True
)
TOKENS = Topic(
    "countersign.tokens",
    1,
    (e.TokenIssued, e.TokensRevoked),
    lambda event: str(event.envelope.principal),
    LONG,
)
DIRECTORY = Topic(
    "countersign.directory",
    1,  # in one order: the first who takes a name has it
    (e.UserProvisioned, e.GroupProvisioned, e.EntryRemoved),
    lambda event: str(event.entry),
    None,
)
POLICIES = Topic("countersign.policies", 1, (e.PolicyPublished,), lambda event: str(event.bundle), None, True)
PROPOSALS = Topic(
    "countersign.proposals",
    1,
    (e.PolicyProposed, e.PolicyReviewed, e.PolicySettled),
    lambda event: str(event.bundle),
    None,  # and never compacted: which rules are in force follows from all of it, in its order
)
RECORDINGS = Topic("countersign.recordings", 16, (e.RecordingChunk,), _session, LONG)
LEDGER = Topic("countersign.ledger", 1, (e.CheckpointSigned,), lambda event: str(event.topic), None)
HEARTBEATS = Topic("countersign.heartbeats", 1, (e.NodeHeartbeat,), _node, timedelta(hours=6))
DEAD_LETTERS = Topic("countersign.dead-letters", 1, (e.EventRejected,), lambda event: str(event.topic), LONG)

TOPICS: tuple[Topic, ...] = (
    COMMANDS,
    VERDICTS,
    APPROVALS,
    GRANTS,
    TOKENS,
    DIRECTORY,
    POLICIES,
    PROPOSALS,
    RECORDINGS,
    LEDGER,
    HEARTBEATS,
    DEAD_LETTERS,
)

TOPIC_OF: dict[type[e.Event], Topic] = {event: topic for topic in TOPICS for event in topic.events}

_ANY_ROLE = tuple(Role)

SIGNED_BY: dict[type[e.Event], tuple[Role, ...]] = {
    e.SessionOpened: (Role.INGRESS,),
    e.SessionClosed: (Role.INGRESS,),
    e.CommandRequested: (Role.INGRESS,),
    e.CommandFinished: (Role.INGRESS,),
    e.CommandAbandoned: (Role.INGRESS,),
    e.CommandAllowed: (Role.PROCESSORS,),
    e.CommandDenied: (Role.PROCESSORS,),
    e.ApprovalPending: (Role.PROCESSORS,),
    e.SessionTerminated: (Role.PROCESSORS,),
    e.CommandRevoked: (Role.PROCESSORS,),
    e.ApprovalRequested: (Role.PROCESSORS,),
    e.CommandEstimated: (Role.INGRESS,),
    e.AccessRequested: (Role.API,),
    e.ReviewDecided: (Role.API,),
    e.ApprovalEscalated: (Role.PROCESSORS,),
    e.ApprovalSettled: (Role.PROCESSORS,),
    e.PauseLifted: (Role.PROCESSORS,),
    e.ApprovalWithdrawn: (Role.INGRESS,),
    e.GrantIssued: (Role.PROCESSORS,),
    e.GrantRevoked: (Role.API, Role.PROCESSORS),
    e.TokenIssued: (Role.API,),
    e.TokensRevoked: (Role.API,),
    e.UserProvisioned: (Role.API,),
    e.GroupProvisioned: (Role.API,),
    e.EntryRemoved: (Role.API,),
    e.PolicyPublished: (Role.PROCESSORS,),
    e.PolicyProposed: (Role.API,),
    e.PolicyReviewed: (Role.API,),
    e.PolicySettled: (Role.PROCESSORS,),
    e.RecordingChunk: (Role.INGRESS,),
    e.CheckpointSigned: (Role.PROJECTIONS,),
    e.NodeHeartbeat: _ANY_ROLE,
    e.EventRejected: _ANY_ROLE,
}
