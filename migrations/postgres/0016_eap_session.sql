-- The same tables as ../sqlite/0016_eap_session.sql.

-- TLS sessions that any server of the installation may resume. The handle is a digest of the session's id. The content is sealed by a key
-- of its context and epoch; without content the session is not to be resumed any more, and the row only tells the others that. Rows of one
-- batch were committed together, and one event names them.
CREATE TABLE eap_session (
    handle BYTEA NOT NULL PRIMARY KEY,
    context BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    content BYTEA,
    batch UUID NOT NULL,
    kept_us BIGINT NOT NULL,
    ends_us BIGINT NOT NULL
);
CREATE INDEX eap_session_batch ON eap_session (batch);
CREATE INDEX eap_session_kept ON eap_session (kept_us);
CREATE INDEX eap_session_ends ON eap_session (ends_us);
