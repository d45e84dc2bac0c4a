-- The approval by which a command that ran at once is reviewed afterwards.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS break_glass SimpleAggregateFunction(max, String)
