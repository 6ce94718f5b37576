-- The same column as ../sqlite/0017_eap_session_person.sql.

-- Whose session it is: a digest of the name under a key of this installation, so that a person's sessions can be found and ended. NULL
-- where it is not to be resumed any more, and in rows from before, which are over within a day.
ALTER TABLE eap_session ADD COLUMN person BYTEA;
CREATE INDEX eap_session_person ON eap_session (person) WHERE person IS NOT NULL;
