-- For whom an agent asked.
ALTER TABLE approval_rows
    ADD COLUMN IF NOT EXISTS acts_for SimpleAggregateFunction(max, String)
