-- Whether its command ran at once, and is reviewed after the fact.
ALTER TABLE approval_rows
    ADD COLUMN IF NOT EXISTS afterwards SimpleAggregateFunction(max, UInt8)
