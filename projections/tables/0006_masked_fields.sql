-- One row a field of a command's answer that was masked: how often, never what.
CREATE TABLE IF NOT EXISTS masked_field_rows
(
    at DateTime64(3, 'UTC'),
    command String,
    field String,
    mask LowCardinality(String),
    count Int64,
    time DateTime64(6, 'UTC'),
    session String,
    principal LowCardinality(String),
    resource LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, command, field, mask)
