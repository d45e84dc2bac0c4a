-- Why a requester wanted a command, and the limit at which the gateway stopped it.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS reason SimpleAggregateFunction(max, String),
    ADD COLUMN IF NOT EXISTS ticket SimpleAggregateFunction(max, String),
    ADD COLUMN IF NOT EXISTS limit_reached SimpleAggregateFunction(max, String),
    ADD COLUMN IF NOT EXISTS limit_rule SimpleAggregateFunction(max, String)
