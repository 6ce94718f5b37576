-- The same tables as ../sqlite/0006_exception.sql.

-- Why somebody is kept apart, whose turn it is, and whether the person was told. A quarantine of the kind `posture` keeps
-- nobody apart itself: it follows a device that the policy put there because of its checks.
ALTER TABLE quarantine ADD COLUMN kind TEXT NOT NULL DEFAULT 'manual'
    CHECK (kind IN ('manual', 'alert', 'lost', 'posture'));
ALTER TABLE quarantine ADD COLUMN checks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE quarantine ADD COLUMN owner TEXT;
ALTER TABLE quarantine ADD COLUMN told_us BIGINT;
ALTER TABLE quarantine ADD COLUMN seen_us BIGINT;
CREATE INDEX quarantine_device ON quarantine (device_id) WHERE device_id IS NOT NULL;

-- What people wrote about a quarantine.
CREATE TABLE quarantine_note (
    id UUID NOT NULL PRIMARY KEY,
    quarantine_id UUID NOT NULL REFERENCES quarantine (id) ON DELETE CASCADE,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    at_us BIGINT NOT NULL
);
CREATE INDEX quarantine_note_of ON quarantine_note (quarantine_id, id);

-- Written permissions to break a rule for a time. History: they outlive the device.
CREATE TABLE exception (
    id UUID NOT NULL PRIMARY KEY,
    device_id UUID,
    node_id UUID,
    check_name TEXT,
    quarantine_id UUID,
    covers_unknown BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'active', 'expired', 'revoked', 'denied')),
    requested_by TEXT NOT NULL,
    requested_us BIGINT NOT NULL,
    approved_by TEXT,
    approved_us BIGINT,
    expires_us BIGINT NOT NULL,
    ended_us BIGINT,
    ended_by TEXT,
    ended_note TEXT,
    first_used_us BIGINT,
    last_used_us BIGINT
);
CREATE INDEX exception_open ON exception (id) WHERE state IN ('requested', 'active');
CREATE INDEX exception_device ON exception (device_id) WHERE device_id IS NOT NULL;

-- Somebody asked for a host to be checked again: the newest request of each host.
CREATE TABLE recheck (
    node_id UUID NOT NULL PRIMARY KEY REFERENCES osquery_node (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_us BIGINT NOT NULL,
    window_us BIGINT NOT NULL,
    in_window BIGINT NOT NULL,
    answered_generation BIGINT NOT NULL,
    answered_us BIGINT
);

-- People who say that a check is wrong.
CREATE TABLE check_report (
    id UUID NOT NULL PRIMARY KEY,
    check_name TEXT NOT NULL,
    node_id UUID,
    device_id UUID,
    said_by TEXT NOT NULL,
    text TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    closed_us BIGINT,
    closed_by TEXT
);
CREATE INDEX check_report_open ON check_report (id) WHERE closed_us IS NULL;
