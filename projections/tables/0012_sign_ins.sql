-- How a session's principal showed who they are, and for whom an agent acted.
ALTER TABLE session_rows
    ADD COLUMN IF NOT EXISTS acts_for SimpleAggregateFunction(max, String),
    ADD COLUMN IF NOT EXISTS sign_in SimpleAggregateFunction(max, String),
    ADD COLUMN IF NOT EXISTS token SimpleAggregateFunction(max, String)
