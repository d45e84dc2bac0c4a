-- What the heartbeats of a process say. `node` is "name#incarnation".
CREATE TABLE IF NOT EXISTS node_rows
(
    node String,
    role SimpleAggregateFunction(max, String),
    started_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY node
