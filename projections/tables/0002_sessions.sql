-- What the events of a session say, column by column. `max` of equal values is that value, so an event that
-- is written twice changes nothing, and the order of events does not matter.
CREATE TABLE IF NOT EXISTS session_rows
(
    at DateTime64(3, 'UTC'),
    session String,
    principal SimpleAggregateFunction(max, String),
    principal_kind SimpleAggregateFunction(max, String),
    groups SimpleAggregateFunction(max, Array(String)),
    resource SimpleAggregateFunction(max, String),
    protocol SimpleAggregateFunction(max, String),
    database SimpleAggregateFunction(max, String),
    client_address SimpleAggregateFunction(max, String),
    client_name SimpleAggregateFunction(max, String),
    node SimpleAggregateFunction(max, String),
    opened_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    closed_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    close_reason SimpleAggregateFunction(max, String),
    terminated_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    termination SimpleAggregateFunction(max, String)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, session)
