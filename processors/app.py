"""The Faust app: its settings, and where Kafka is."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import faust

from infra.kafka.address import KafkaAddress
from infra.kafka.broker import MAX_MESSAGE
from schemas.events import (
    ApprovalRequested,
    ApprovalSettled,
    CommandAbandoned,
    CommandFinished,
    CommandRequested,
    GrantIssued,
    GrantRevoked,
    PauseLifted,
)
from schemas.topics import APPROVALS, Topic

APP_ID = "countersign-processors"
"""The consumer group of all workers, and how their changelog topics begin."""

APPROVALS_TABLE = "approvals"

CHANGELOG = Topic(
    f"{APP_ID}-{APPROVALS_TABLE}-changelog", APPROVALS.partitions, (), str, kept=None, compacted=True
)
"""What the approvals' table is restored from. Created beforehand, as the brokers would have it replicated:
Faust's own creation knows only fixed numbers."""

BUDGETS_TABLE = "budgets"

BUDGETS = Topic(
    f"{APP_ID}-{BUDGETS_TABLE}-repartition",
    8,
    (
        CommandRequested,
        CommandFinished,
        CommandAbandoned,
        ApprovalSettled,
        PauseLifted,
        GrantIssued,
        GrantRevoked,
    ),
    lambda event: str(event.envelope.principal),
    kept=timedelta(days=1),
)
"""What draws on budgets or grants, once more and as it was signed, by principal: one agent then sees all that
a principal does and is granted, in one order (docs/decisions/0007-budgets-are-kept-by-principal.md, 0022)."""

BUDGETS_CHANGELOG = Topic(
    f"{APP_ID}-{BUDGETS_TABLE}-changelog", BUDGETS.partitions, (), str, kept=None, compacted=True
)
"""What the budgets' table is restored from."""

GRANTS_TABLE = "grants"

GRANTS_CHANGELOG = Topic(
    f"{APP_ID}-{GRANTS_TABLE}-changelog", BUDGETS.partitions, (), str, kept=None, compacted=True
)
"""What the table of grants is restored from."""

STANDING_TABLE = "standing"

STANDING = Topic(
    f"{APP_ID}-{STANDING_TABLE}-repartition",
    8,
    (ApprovalRequested, ApprovalSettled),
    lambda event: str(event.digest),
    kept=timedelta(days=1),
)
"""What is asked under a rule that does not hold, and how it was settled, by the command's digest: one agent
then sees all that is asked for one command (docs/decisions/0019-approve-then-retry.md)."""

STANDING_CHANGELOG = Topic(
    f"{APP_ID}-{STANDING_TABLE}-changelog", STANDING.partitions, (), str, kept=None, compacted=True
)
"""What the table of standing approvals is restored from."""

INTERNAL = (CHANGELOG, BUDGETS, BUDGETS_CHANGELOG, GRANTS_CHANGELOG, STANDING, STANDING_CHANGELOG)
"""The processors' own topics."""


def make_app(address: KafkaAddress, folder: Path) -> Any:
    """A Faust app on this Kafka, without agents. `folder`: where Faust may keep its files.

    Every value is bytes: events are read and written by schemas/codec.py.
    """
    return faust.App(
        APP_ID,
        broker=[f"kafka://{server}" for server in address.bootstrap.split(",")],
        broker_credentials=_credentials(address),
        store="memory://",
        datadir=str(folder),
        autodiscover=False,
        web_enabled=False,
        key_serializer="raw",
        value_serializer="raw",
        topic_disable_leader=True,
        reply_create_topic=False,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MAX_MESSAGE,
        producer_acks=-1,
        producer_max_request_size=MAX_MESSAGE,
        # What was not committed is judged again after a crash: keep that short.
        broker_commit_interval=1.0,
        # A worker that was killed is replaced after this; an ingress waits 15 s for its verdicts.
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
        stream_buffer_maxsize=4096,
        worker_redirect_stdouts=False,
    )


def approvals_table(app: Any) -> Any:
    """The table of approvals: raw key -> raw record, kept in memory and in the changelog."""
    return app.Table(APPROVALS_TABLE, partitions=APPROVALS.partitions, key_type=bytes, value_type=bytes)


def budgets_table(app: Any) -> Any:
    """The table of accounts: raw principal -> raw record."""
    return app.Table(BUDGETS_TABLE, partitions=BUDGETS.partitions, key_type=bytes, value_type=bytes)


def grants_table(app: Any) -> Any:
    """The table of grants: raw principal -> raw record. Its partitions are those of the accounts."""
    return app.Table(GRANTS_TABLE, partitions=BUDGETS.partitions, key_type=bytes, value_type=bytes)


def standing_table(app: Any) -> Any:
    """The table of standing approvals: raw digest -> raw record."""
    return app.Table(STANDING_TABLE, partitions=STANDING.partitions, key_type=bytes, value_type=bytes)


def _credentials(address: KafkaAddress) -> Any:
    """Faust's form of the options for aiokafka; None where Kafka asks for nothing."""
    options = address.options
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context is not None else None
