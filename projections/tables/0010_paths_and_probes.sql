-- What a command asks of files and APIs, and which sensitive columns its behaviour would tell of.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS methods SimpleAggregateFunction(max, Array(String)),
    ADD COLUMN IF NOT EXISTS paths SimpleAggregateFunction(max, Array(String)),
    ADD COLUMN IF NOT EXISTS probed SimpleAggregateFunction(max, Array(String))
