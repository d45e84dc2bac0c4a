-- For whom an agent asked.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS acts_for SimpleAggregateFunction(max, String)
