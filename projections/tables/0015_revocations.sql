-- Who took an approval back: beside how it was settled, which stays.
ALTER TABLE approval_rows
    ADD COLUMN IF NOT EXISTS revoked_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    ADD COLUMN IF NOT EXISTS revoked_by SimpleAggregateFunction(max, Array(String)),
    ADD COLUMN IF NOT EXISTS revocation SimpleAggregateFunction(max, String)
