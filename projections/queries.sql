-- Every read of the audit log that the API makes: a name, a sentence, a query. Loaded by queries.py.

-- sessions --
-- The newest sessions, of one principal, one resource or one state where that is given.
SELECT *
FROM sessions
WHERE ({principal:String} = '' OR principal = {principal:String})
  AND ({resource:String} = '' OR resource = {resource:String})
  AND ({state:String} = '' OR state = {state:String})
ORDER BY time DESC, session DESC
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

-- grant_uses --
-- How many commands each of these grants let through.
SELECT `grant`, count() AS used
FROM commands
WHERE has({grants:Array(String)}, `grant`)
GROUP BY `grant`
