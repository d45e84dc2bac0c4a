-- The grant that let a command through.
ALTER TABLE command_rows
    ADD COLUMN IF NOT EXISTS `grant` SimpleAggregateFunction(max, String)
