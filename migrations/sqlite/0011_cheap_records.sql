-- The same as ../postgres/0011_cheap_records.sql.

-- Most send the name that is authenticated: that one is found by user_key, and needs no second entry.
DROP INDEX decision_identity;
CREATE INDEX decision_identity ON decision (identity_key, id) WHERE identity_key <> user_key;
