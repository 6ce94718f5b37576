-- The same tables as ../postgres/0006_exception.sql.

-- Why somebody is kept apart, whose turn it is, and whether the person was told. A quarantine of the kind `posture` keeps
-- nobody apart itself: it follows a device that the policy put there because of its checks.
ALTER TABLE quarantine ADD COLUMN kind TEXT NOT NULL DEFAULT 'manual'
    CHECK (kind IN ('manual', 'alert', 'lost', 'posture'));
ALTER TABLE quarantine ADD COLUMN checks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE quarantine ADD COLUMN owner TEXT;
ALTER TABLE quarantine ADD COLUMN told_us INTEGER;
ALTER TABLE quarantine ADD COLUMN seen_us INTEGER;
CREATE INDEX quarantine_device ON quarantine (device_id) WHERE device_id IS NOT NULL;

-- What people wrote about a quarantine.
CREATE TABLE quarantine_note (
    id BLOB NOT NULL PRIMARY KEY,
    quarantine_id BLOB NOT NULL REFERENCES quarantine (id) ON DELETE CASCADE,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX quarantine_note_of ON quarantine_note (quarantine_id, id);

-- Written permissions to break a rule for a time. History: they outlive the device.
CREATE TABLE exception (
    id BLOB NOT NULL PRIMARY KEY,
    device_id BLOB,
    node_id BLOB,
    check_name TEXT,
    quarantine_id BLOB,
    covers_unknown INTEGER NOT NULL CHECK (covers_unknown IN (0, 1)),
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'active', 'expired', 'revoked', 'denied')),
    requested_by TEXT NOT NULL,
    requested_us INTEGER NOT NULL,
    approved_by TEXT,
    approved_us INTEGER,
    expires_us INTEGER NOT NULL,
    ended_us INTEGER,
    ended_by TEXT,
    ended_note TEXT,
    first_used_us INTEGER,
    last_used_us INTEGER
) STRICT;
CREATE INDEX exception_open ON exception (id) WHERE state IN ('requested', 'active');
CREATE INDEX exception_device ON exception (device_id) WHERE device_id IS NOT NULL;

-- Somebody asked for a host to be checked again: the newest request of each host.
CREATE TABLE recheck (
    node_id BLOB NOT NULL PRIMARY KEY REFERENCES osquery_node (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    requested_us INTEGER NOT NULL,
    window_us INTEGER NOT NULL,
    in_window INTEGER NOT NULL,
    answered_generation INTEGER NOT NULL,
    answered_us INTEGER
) STRICT;

-- People who say that a check is wrong.
CREATE TABLE check_report (
    id BLOB NOT NULL PRIMARY KEY,
    check_name TEXT NOT NULL,
    node_id BLOB,
    device_id BLOB,
    said_by TEXT NOT NULL,
    text TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    closed_us INTEGER,
    closed_by TEXT
) STRICT;
CREATE INDEX check_report_open ON check_report (id) WHERE closed_us IS NULL;
