-- What a command asks of a cluster.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS verbs SimpleAggregateFunction(max, Array(String)),
    ADD COLUMN IF NOT EXISTS kinds_of_object SimpleAggregateFunction(max, Array(String)),
    ADD COLUMN IF NOT EXISTS namespaces SimpleAggregateFunction(max, Array(String))
