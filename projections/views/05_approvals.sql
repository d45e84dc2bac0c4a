-- The requests for review: who asked for what, under which rule, how it ended, and what came of the command.
CREATE OR REPLACE VIEW approvals AS
SELECT
    a.requested_at AS time,
    a.approval AS approval,
    multiIf(a.revoked_at > toDateTime64(0, 6, 'UTC'), 'revoked', a.state != '', a.state, 'pending') AS state,
    a.principal AS principal,
    a.principal_kind AS principal_kind,
    a.groups AS groups,
    a.acts_for AS acts_for,
    a.resource AS resource,
    a.protocol AS protocol,
    a.text AS text,
    a.parameters AS parameters,
    a.intents AS intents,
    a.statements AS statements,
    a.tables AS tables,
    a.rule AS rule,
    a.policy_version AS policy_version,
    a.reviewers AS reviewers,
    a.approvals_needed AS approvals_needed,
    a.on_timeout AS on_timeout,
    a.afterwards AS afterwards,
    a.afterwards = 1 AND a.state IN ('', 'timed_out') AND a.requested_at < now64(6, 'UTC') - INTERVAL 1 DAY
        AS is_overdue,
    a.decided_by AS decided_by,
    a.comment AS comment,
    a.requested_at AS requested_at,
    a.expires_at AS expires_at,
    nullIf(a.settled_at, toDateTime64(0, 6, 'UTC')) AS settled_at,
    nullIf(a.withdrawn_at, toDateTime64(0, 6, 'UTC')) AS withdrawn_at,
    a.withdrawal AS withdrawal,
    nullIf(a.revoked_at, toDateTime64(0, 6, 'UTC')) AS revoked_at,
    a.revoked_by AS revoked_by,
    a.revocation AS revocation,
    c.outcome AS outcome,
    a.session AS session,
    a.command AS command,
    a.client_address AS client_address,
    a.digest AS digest
FROM (SELECT * FROM approval_rows FINAL WHERE requested_at > toDateTime64(0, 6, 'UTC')) AS a
LEFT JOIN
(
    SELECT command, outcome
    FROM commands
    WHERE (time, command) IN (SELECT at, command FROM approval_rows)
) AS c ON c.command = a.command
