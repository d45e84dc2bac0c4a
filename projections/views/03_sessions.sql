-- The sessions: who, to what, from where, when. `state`: open, closed, or lost (its ingress is gone).
CREATE OR REPLACE VIEW sessions AS
SELECT
    at AS time,
    session,
    principal,
    principal_kind,
    groups,
    acts_for,
    sign_in,
    token,
    resource,
    protocol,
    database,
    client_address,
    client_name,
    multiIf(
        closed_at IS NOT NULL, 'closed',
        node IN (SELECT node FROM nodes WHERE is_gone), 'lost',
        'open') AS state,
    opened_at,
    nullIf(closed_at, toDateTime64(0, 6, 'UTC')) AS closed_at,
    close_reason,
    nullIf(terminated_at, toDateTime64(0, 6, 'UTC')) AS terminated_at,
    termination,
    node
FROM session_rows FINAL
