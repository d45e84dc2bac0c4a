-- The processes of Countersign. `is_gone`: another one has taken its place, or it has been silent for five
-- minutes while others were heard (so that nobody is gone only because the projector lags behind).
CREATE OR REPLACE VIEW nodes AS
SELECT
    node,
    splitByChar('#', node)[1] AS name,
    role,
    started_at,
    last_seen,
    (started_at < max(started_at) OVER (PARTITION BY name))
        OR (last_seen < max(last_seen) OVER () - INTERVAL 5 MINUTE) AS is_gone
FROM node_rows FINAL
