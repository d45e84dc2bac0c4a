-- What the events of an approval say, column by column (see 0002_sessions.sql).
CREATE TABLE IF NOT EXISTS approval_rows
(
    approval String,
    at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    session SimpleAggregateFunction(max, String),
    command SimpleAggregateFunction(max, String),
    principal SimpleAggregateFunction(max, String),
    principal_kind SimpleAggregateFunction(max, String),
    groups SimpleAggregateFunction(max, Array(String)),
    resource SimpleAggregateFunction(max, String),
    protocol SimpleAggregateFunction(max, String),
    text SimpleAggregateFunction(max, String),
    parameters SimpleAggregateFunction(max, Array(Nullable(String))),
    digest SimpleAggregateFunction(max, String),
    client_address SimpleAggregateFunction(max, String),
    intents SimpleAggregateFunction(max, Array(String)),
    statements SimpleAggregateFunction(max, Array(String)),
    tables SimpleAggregateFunction(max, Array(String)),
    rule SimpleAggregateFunction(max, String),
    policy_version SimpleAggregateFunction(max, String),
    reviewers SimpleAggregateFunction(max, Array(String)),
    approvals_needed SimpleAggregateFunction(max, Int64),
    on_timeout SimpleAggregateFunction(max, String),
    requested_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    expires_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    state SimpleAggregateFunction(max, String),
    decided_by SimpleAggregateFunction(max, Array(String)),
    comment SimpleAggregateFunction(max, String),
    settled_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    withdrawn_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    withdrawal SimpleAggregateFunction(max, String)
)
ENGINE = AggregatingMergeTree
ORDER BY approval
