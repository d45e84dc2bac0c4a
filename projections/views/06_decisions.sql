-- The reviewers' answers: who decided what, when, against which resource, and with what outcome.
CREATE OR REPLACE VIEW decisions AS
SELECT
    d.time AS time,
    d.approval AS approval,
    d.reviewer AS reviewer,
    d.reviewer_kind AS reviewer_kind,
    d.reviewer_groups AS reviewer_groups,
    d.answer AS answer,
    d.comment AS comment,
    a.principal AS principal,
    a.resource AS resource,
    a.text AS text,
    a.rule AS rule,
    a.state AS state,
    has(if(d.answer = 'revoke', a.revoked_by, a.decided_by), d.reviewer) AS counted,
    a.outcome AS outcome,
    a.session AS session,
    a.command AS command,
    d.digest AS digest
FROM (SELECT * FROM decision_rows FINAL) AS d
LEFT JOIN approvals AS a ON a.approval = d.approval
