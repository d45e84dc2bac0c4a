-- What was masked in the answers: which field, by which mask, how many values; never a value.
CREATE OR REPLACE VIEW masked_fields AS
SELECT time, session, command, resource, principal, field, mask, count
FROM masked_field_rows FINAL
