-- Every event of every topic. `raw` are its bytes, signature included, for whoever wants to verify it;
-- `is_verified` says that the projector did. What is no event of ours has an empty type and a reason.
CREATE OR REPLACE VIEW events AS
SELECT
    time,
    type,
    session,
    command,
    principal,
    resource,
    node,
    payload,
    id,
    version,
    trace,
    topic,
    partition,
    offset,
    stored_at,
    reason = '' AS is_verified,
    reason,
    raw,
    lower(hex(raw_hash)) AS raw_sha256,
    lower(hex(chain)) AS chain
FROM event_rows FINAL
