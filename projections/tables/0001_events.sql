-- Every record of every topic, as it stood in Kafka. The key is where it stood, so a record that is written
-- twice is one row (docs/decisions/0004-exactly-once.md). Not partitioned: an INSERT into several
-- partitions may come to be in part, and then the last offset would not tell what is there. What is no event of ours has `reason`, and no raw.
CREATE TABLE IF NOT EXISTS event_rows
(
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    stored_at DateTime64(3, 'UTC'),
    id String,
    type LowCardinality(String),
    version UInt32,
    time DateTime64(6, 'UTC'),
    node LowCardinality(String),
    session String,
    command String,
    principal LowCardinality(String),
    resource LowCardinality(String),
    trace String,
    payload String CODEC(ZSTD(1)),
    raw String CODEC(ZSTD(1)),
    raw_hash FixedString(32),
    reason String,
    chain FixedString(32),
    INDEX of_session session TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX of_command command TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX of_time time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
