-- What the events of a grant say, column by column (see 0002_sessions.sql). `uses` 0: as many as come.
CREATE TABLE IF NOT EXISTS grant_rows
(
    `grant` String,
    kind SimpleAggregateFunction(max, String),
    principal SimpleAggregateFunction(max, String),
    acts_for SimpleAggregateFunction(max, String),
    resource SimpleAggregateFunction(max, String),
    session SimpleAggregateFunction(max, String),
    pattern SimpleAggregateFunction(max, String),
    fingerprint SimpleAggregateFunction(max, String),
    intents SimpleAggregateFunction(max, Array(String)),
    rule SimpleAggregateFunction(max, String),
    approval SimpleAggregateFunction(max, String),
    issued_by SimpleAggregateFunction(max, String),
    issued_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    starts_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    expires_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    uses SimpleAggregateFunction(max, Int64),
    reason SimpleAggregateFunction(max, String),
    ticket SimpleAggregateFunction(max, String),
    comment SimpleAggregateFunction(max, String),
    revoked_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    revoked_by SimpleAggregateFunction(max, String),
    revocation SimpleAggregateFunction(max, String)
)
ENGINE = AggregatingMergeTree
ORDER BY `grant`
