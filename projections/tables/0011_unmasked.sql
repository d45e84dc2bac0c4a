-- Which sensitive columns a reviewer let the requester see as they are, in the answer to this command.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS unmasked SimpleAggregateFunction(max, Array(String))
