-- The recordings, one row a session. `is_whole`: no chunk is missing so far.
CREATE OR REPLACE VIEW recordings AS
SELECT
    min(time) AS first_at,
    max(time) AS last_at,
    session,
    any(principal) AS principal,
    any(resource) AS resource,
    any(format) AS format,
    count() AS chunks,
    sum(bytes) AS bytes,
    max(sequence) + 1 = count() AS is_whole
FROM recording_rows FINAL
GROUP BY session
