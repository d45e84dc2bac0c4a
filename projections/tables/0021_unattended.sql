-- Whether no reviewer could be reached, so that its rule's on_unavailable decided.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS unattended SimpleAggregateFunction(max, UInt8)
