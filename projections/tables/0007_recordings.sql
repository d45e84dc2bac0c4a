-- One row a chunk of a recording: where its event stands. The frames are in that event alone.
CREATE TABLE IF NOT EXISTS recording_rows
(
    session String,
    sequence Int64,
    time DateTime64(6, 'UTC'),
    principal LowCardinality(String),
    resource LowCardinality(String),
    format LowCardinality(String),
    bytes UInt64,
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (session, sequence)
