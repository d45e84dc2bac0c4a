-- Every read of the audit log that the API makes: a name, a sentence, a query. Loaded by queries.py.

-- sessions --
-- The newest sessions, of one principal, one resource or one state where that is given, before one of them.
-- Their ids begin with the time.
SELECT *
FROM sessions
WHERE ({principal:String} = '' OR principal = {principal:String})
  AND ({resource:String} = '' OR resource = {resource:String})
  AND ({state:String} = '' OR state = {state:String})
  AND ({before:String} = '' OR session < {before:String})
ORDER BY session DESC
LIMIT {most:UInt32}

-- session --
-- One session.
SELECT *
FROM sessions
WHERE session = {session:String}

-- sessions_like --
-- The sessions whose id begins so, at most two: enough to tell whether it is one.
SELECT session
FROM sessions
WHERE startsWith(session, {prefix:String})
ORDER BY session
LIMIT 2

-- commands_of_session --
-- The commands of a session in the order they came, after one of them.
SELECT *
FROM commands
WHERE session = {session:String} AND command > {after:String}
ORDER BY time, command
LIMIT {most:UInt32}

-- command --
-- One command. `time` is the time in its id.
SELECT *
FROM commands
WHERE command = {command:String}

-- recording --
-- The recording of a session: how much there is.
SELECT *
FROM recordings
WHERE session = {session:String}

-- recording_chunks --
-- The events with a session's recording, in order, after a sequence number.
SELECT number AS sequence, raw
FROM
(
    SELECT topic, partition, offset, min(sequence) AS number
    FROM recording_rows FINAL
    WHERE session = {session:String} AND sequence > {after:Int64}
    GROUP BY topic, partition, offset
    ORDER BY number
    LIMIT {most:UInt32}
) AS chunks
INNER JOIN
(
    SELECT topic, partition, offset, raw
    FROM event_rows FINAL
    WHERE (topic, partition, offset) IN
    (
        SELECT topic, partition, offset
        FROM recording_rows FINAL
        WHERE session = {session:String} AND sequence > {after:Int64}
        ORDER BY sequence
        LIMIT {most:UInt32}
    )
) AS events USING (topic, partition, offset)
ORDER BY number

-- approvals --
-- The approvals, newest first, in one state or (state = '') settled in any way.
SELECT *
FROM approvals
WHERE if({state:String} = '', state != 'pending', state = {state:String})
ORDER BY time DESC, approval
LIMIT {most:UInt32}

-- approval --
-- One approval.
SELECT *
FROM approvals
WHERE approval = {approval:String}

-- decisions_of_approval --
-- The reviewers' answers to an approval, in the order they came.
SELECT *
FROM decisions
WHERE approval = {approval:String}
ORDER BY time

-- commands_before --
-- The commands of a session before one of them, newest first.
SELECT *
FROM commands
WHERE session = {session:String} AND command < {before:String}
ORDER BY time DESC, command DESC
LIMIT {most:UInt32}

-- commands_found --
-- The commands that fit what is asked for, newest first, before one of them; an empty string stands for all.
SELECT *
FROM commands
WHERE ({principal:String} = '' OR principal = {principal:String})
  AND ({resource:String} = '' OR resource = {resource:String})
  AND ({verdict:String} = '' OR verdict = {verdict:String})
  AND ({outcome:String} = '' OR outcome = {outcome:String})
  AND ({text:String} = '' OR positionCaseInsensitiveUTF8(text, {text:String}) > 0)
  AND time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
  AND time <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
  AND ({before:String} = '' OR command < {before:String})
ORDER BY time DESC, command DESC
LIMIT {most:UInt32}

-- similar_approvals --
-- How a principal's requests on a resource ended whose commands were of the same kinds, before one of them.
SELECT *
FROM approvals
WHERE state != 'pending' AND command IN
(
    SELECT command
    FROM commands
    WHERE (time, command) IN
    (
        SELECT at, command
        FROM approval_rows
        WHERE principal = {principal:String} AND resource = {resource:String}
    )
      AND command < {before:String}
      AND arrayStringConcat(statements, '\n') = {statements:String}
      AND arrayStringConcat(tables, '\n') = {tables:String}
      AND arrayStringConcat(programs, '\n') = {programs:String}
      AND arrayStringConcat(methods, '\n') = {methods:String}
)
ORDER BY time DESC, approval
LIMIT {most:UInt32}

-- settled_approvals --
-- The approvals that ended which somebody may see (everything: all of them), newest first, before a moment.
SELECT approval, command, requested_at
FROM approvals
WHERE state != 'pending'
  AND requested_at < fromUnixTimestamp64Micro({before:Int64}, 'UTC')
  AND ({everything:UInt8} = 1
       OR lowerUTF8(principal) = {who:String}
       OR lowerUTF8(acts_for) = {who:String}
       OR hasAny(reviewers, splitByChar('\n', {groups:String})))
ORDER BY requested_at DESC, approval
LIMIT {most:UInt32}

-- approvals_like --
-- The approvals whose id begins so, at most two: enough to tell whether it is one.
SELECT approval, command
FROM approvals
WHERE startsWith(approval, {prefix:String})
ORDER BY approval
LIMIT 2

-- events_of_approvals --
-- The events of the approvals of some commands (their ids, a line each), in the order in which they came.
SELECT raw
FROM events
WHERE topic = 'countersign.approvals' AND command IN (splitByChar('\n', {commands:String})) AND is_verified
ORDER BY partition, offset

-- newest_requests --
-- The newest commands that were asked for, as they were signed.
SELECT raw
FROM events
WHERE topic = 'countersign.commands' AND type = 'CommandRequested' AND is_verified
ORDER BY time DESC
LIMIT {most:UInt32}

-- reviewers_of_session --
-- Who decided on a command of a session.
SELECT DISTINCT reviewer
FROM decision_rows
WHERE approval IN (SELECT approval FROM approval_rows WHERE session = {session:String})
ORDER BY reviewer

-- nodes --
-- The processes that were heard lately.
SELECT *
FROM nodes
WHERE NOT is_gone
ORDER BY role, node

-- grant_uses --
-- How many commands each of these grants let through.
SELECT `grant`, count() AS used
FROM commands
WHERE has({grants:Array(String)}, `grant`)
GROUP BY `grant`
