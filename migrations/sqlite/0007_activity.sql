-- The same tables as ../postgres/0007_activity.sql.

-- An administrator's command to a live session is an enforcement too: it has no segment to reach, but an action.
ALTER TABLE enforcement ADD COLUMN action TEXT CHECK (action IN ('reauthenticate', 'disconnect', 'bounce'));
ALTER TABLE enforcement ADD COLUMN requested_by TEXT;

-- Names as they are compared, for finding a session.
ALTER TABLE session ADD COLUMN user_key TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN identity_key TEXT NOT NULL DEFAULT '';
UPDATE session SET user_key = lower(user_name), identity_key = lower(identity);
-- Everything that a list of live sessions filters and sorts by, so that only the rows of its page are read whole.
CREATE INDEX session_find ON session (segment, id, client, identity_key, user_key, mac, framed_ip, method, device_id)
    WHERE stopped_us IS NULL;
CREATE INDEX session_mac ON session (mac, id) WHERE mac IS NOT NULL;

-- What decisions are filtered by beside what they had already.
ALTER TABLE decision ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN site TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN nas_address TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN device_id BLOB;
ALTER TABLE decision ADD COLUMN total_us INTEGER NOT NULL DEFAULT 0;
-- A narrow copy of the table: a filter that no other index serves reads this and not the records.
CREATE INDEX decision_find ON decision (id, at_us, outcome, client, site, nas_address, segment, reason_code, method,
    policy_version, session_id, device_id, total_us);
CREATE INDEX decision_refused ON decision (reason_code, id) WHERE outcome = 'reject';

-- How many decisions of a kind fell into a span of five minutes.
CREATE TABLE decision_tally (
    bucket_us INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('accept', 'reject')),
    reason_code TEXT NOT NULL,
    decisions INTEGER NOT NULL,
    PRIMARY KEY (bucket_us, outcome, reason_code)
) STRICT, WITHOUT ROWID;
INSERT INTO decision_tally (bucket_us, outcome, reason_code, decisions)
    SELECT at_us - at_us % 300000000, outcome, reason_code, COUNT(*) FROM decision
    GROUP BY at_us - at_us % 300000000, outcome, reason_code;

CREATE INDEX certificate_expiry ON certificate (not_after_us) WHERE revoked_us IS NULL;

-- What was heard from a client: written every few seconds, never for a single packet.
CREATE TABLE client_activity (
    client_id BLOB NOT NULL PRIMARY KEY,
    last_packet_us INTEGER,
    last_source TEXT NOT NULL,
    requests INTEGER NOT NULL,
    requests_per_minute INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    signed INTEGER NOT NULL,
    signed_us INTEGER,
    unsigned INTEGER NOT NULL,
    unsigned_us INTEGER,
    wrong_secret INTEGER NOT NULL,
    wrong_secret_us INTEGER,
    missing_signature INTEGER NOT NULL,
    missing_signature_us INTEGER,
    malformed INTEGER NOT NULL,
    malformed_us INTEGER,
    coa_acknowledged INTEGER NOT NULL,
    coa_refused INTEGER NOT NULL,
    coa_unanswered INTEGER NOT NULL,
    coa_us INTEGER,
    coa_result TEXT NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;

-- Packets from addresses that are no client; the oldest give way.
CREATE TABLE unknown_nas (
    address TEXT NOT NULL PRIMARY KEY,
    packets INTEGER NOT NULL,
    nas_identifier TEXT NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL
) STRICT;
CREATE INDEX unknown_nas_last ON unknown_nas (last_us);
