-- The grants: who granted what to whom, how often it was used, how it stands or ended.
CREATE OR REPLACE VIEW grants AS
SELECT
    g.issued_at AS time,
    g.`grant` AS `grant`,
    g.kind AS kind,
    multiIf(
        g.revoked_at > toDateTime64(0, 6, 'UTC'), 'revoked',
        g.uses > 0 AND u.used >= g.uses, 'used up',
        g.expires_at <= now64(6, 'UTC'), 'expired',
        g.starts_at > now64(6, 'UTC'), 'upcoming',
        'active') AS state,
    g.principal AS principal,
    g.acts_for AS acts_for,
    g.resource AS resource,
    g.session AS session,
    g.pattern AS pattern,
    g.intents AS intents,
    g.rule AS rule,
    g.issued_by AS issued_by,
    g.starts_at AS starts_at,
    g.expires_at AS expires_at,
    nullIf(g.uses, 0) AS uses,
    u.used AS used,
    nullIf(u.last_used_at, toDateTime64(0, 3, 'UTC')) AS last_used_at,
    g.reason AS reason,
    g.ticket AS ticket,
    g.comment AS comment,
    nullIf(g.revoked_at, toDateTime64(0, 6, 'UTC')) AS revoked_at,
    g.revoked_by AS revoked_by,
    g.revocation AS revocation,
    g.approval AS approval,
    g.fingerprint AS fingerprint
FROM (SELECT * FROM grant_rows FINAL WHERE issued_at > toDateTime64(0, 6, 'UTC')) AS g
LEFT JOIN
(
    SELECT `grant`, count() AS used, max(time) AS last_used_at
    FROM commands
    WHERE `grant` != ''
    GROUP BY `grant`
) AS u ON u.`grant` = g.`grant`
