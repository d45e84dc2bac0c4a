-- One row a reviewer's answer.
CREATE TABLE IF NOT EXISTS decision_rows
(
    approval String,
    id String,
    time DateTime64(6, 'UTC'),
    reviewer LowCardinality(String),
    reviewer_kind LowCardinality(String),
    reviewer_groups Array(String),
    answer LowCardinality(String),
    comment String,
    digest String
)
ENGINE = ReplacingMergeTree
ORDER BY (approval, id)
