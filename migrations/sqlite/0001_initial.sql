-- The same tables as ../postgres/0001_initial.sql. Times are microseconds since the Unix epoch, ids are UUIDv7 (16
-- octets here), booleans are 0 or 1, lists and records are JSON text, sealed columns are BLOBs. Never edit a file that
-- has been released: add the next number on both sides.

-- What the store remembers of itself.
CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Who changed what: other processes read it to keep up.
CREATE TABLE change (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    origin BLOB NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;

-- How far the feed has been pruned: who has read less must reload.
CREATE TABLE change_horizon (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    pruned_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE client (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL UNIQUE,
    secret BLOB NOT NULL,
    require_message_authenticator INTEGER NOT NULL CHECK (require_message_authenticator IN (0, 1)),
    vendor TEXT NOT NULL,
    coa_port INTEGER,
    site TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE segment (
    name TEXT NOT NULL PRIMARY KEY,
    vlan TEXT,
    role TEXT,
    acl TEXT NOT NULL,
    redirect TEXT,
    redirect_acl TEXT,
    session_timeout_s INTEGER,
    description TEXT NOT NULL,
    protected INTEGER NOT NULL CHECK (protected IN (0, 1)),
    updated_us INTEGER NOT NULL
) STRICT;

INSERT INTO segment (name, acl, description, protected, updated_us) VALUES
    ('guest', '[]', 'Visitors: the internet, and nothing of ours.', 1, 0),
    ('quarantine', '[]', 'Kept apart: only what helps to put the device right.', 1, 0),
    ('registration', '[]', 'Not known yet: only the portal.', 1, 0);

CREATE TABLE user_account (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    password TEXT,
    cleartext BLOB,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    member_of TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE device (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT,
    owner_key TEXT,
    labels TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;
CREATE INDEX device_owner ON device (owner_key);

CREATE TABLE device_identifier (
    kind TEXT NOT NULL CHECK (kind IN ('mac', 'hardware-serial', 'hardware-uuid', 'asserted-id', 'spki')),
    value TEXT NOT NULL,
    device_id BLOB NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    first_seen_us INTEGER NOT NULL,
    last_seen_us INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_identifier_device ON device_identifier (device_id);

-- History: it outlives the device.
CREATE TABLE quarantine (
    id BLOB NOT NULL PRIMARY KEY,
    device_id BLOB,
    mac TEXT,
    reason TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_us INTEGER NOT NULL,
    closed_us INTEGER,
    closed_by TEXT,
    expires_us INTEGER
) STRICT;
CREATE INDEX quarantine_open ON quarantine (id) WHERE closed_us IS NULL;

CREATE TABLE policy_version (
    version INTEGER NOT NULL PRIMARY KEY,
    text TEXT NOT NULL,
    note TEXT NOT NULL,
    applied_by TEXT NOT NULL,
    applied_us INTEGER NOT NULL
) STRICT;

CREATE TABLE authority (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    certificate_pem TEXT NOT NULL,
    key_pem BLOB NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE certificate (
    serial TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('server', 'user', 'device')),
    name TEXT NOT NULL,
    device_id BLOB,
    subject TEXT NOT NULL,
    spki_sha256 TEXT NOT NULL,
    fingerprint_sha256 TEXT NOT NULL,
    certificate_pem TEXT NOT NULL,
    not_before_us INTEGER NOT NULL,
    not_after_us INTEGER NOT NULL,
    issued_us INTEGER NOT NULL,
    revoked_us INTEGER,
    revoked_reason TEXT,
    revoked_by TEXT
) STRICT;
CREATE INDEX certificate_issued ON certificate (issued_us);
CREATE INDEX certificate_revoked ON certificate (serial) WHERE revoked_us IS NOT NULL;

CREATE TABLE enroll_secret (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    secret_sha256 TEXT NOT NULL UNIQUE,
    device_id BLOB,
    created_us INTEGER NOT NULL,
    expires_us INTEGER,
    last_used_us INTEGER
) STRICT;

CREATE TABLE osquery_node (
    id BLOB NOT NULL PRIMARY KEY,
    node_key_sha256 TEXT NOT NULL UNIQUE,
    device_id BLOB,
    enroll_secret_id BLOB,
    enroll_device_bound INTEGER NOT NULL CHECK (enroll_device_bound IN (0, 1)),
    host_identifier TEXT NOT NULL,
    platform TEXT NOT NULL,
    hardware_uuid TEXT NOT NULL,
    hardware_serial TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    hostname TEXT NOT NULL,
    os_name TEXT NOT NULL,
    os_version TEXT NOT NULL,
    osquery_version TEXT NOT NULL,
    client_spki TEXT,
    client_asserted_id TEXT,
    macs TEXT NOT NULL,
    source_ip TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'pending', 'replaced')),
    enrolled_us INTEGER NOT NULL,
    last_seen_us INTEGER NOT NULL
) STRICT;

CREATE TABLE check_result (
    node_id BLOB NOT NULL REFERENCES osquery_node (id) ON DELETE CASCADE,
    check_name TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'unknown')),
    message TEXT NOT NULL,
    checked_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    PRIMARY KEY (node_id, check_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_verdict (
    node_id BLOB NOT NULL PRIMARY KEY REFERENCES osquery_node (id) ON DELETE CASCADE,
    verdict TEXT NOT NULL CHECK (verdict IN ('compliant', 'failing', 'unknown', 'stale')),
    failing TEXT NOT NULL,
    changed_us INTEGER NOT NULL,
    evaluated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
    id BLOB NOT NULL PRIMARY KEY,
    class TEXT NOT NULL,
    client TEXT NOT NULL,
    nas_address TEXT NOT NULL,
    nas_source TEXT NOT NULL,
    mac TEXT,
    user_name TEXT NOT NULL,
    identity TEXT NOT NULL,
    device_id BLOB,
    attributes TEXT NOT NULL,
    acct_session_id TEXT,
    framed_ip TEXT,
    method TEXT NOT NULL,
    segment TEXT NOT NULL,
    decision_id BLOB NOT NULL,
    policy_version INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    stopped_us INTEGER,
    terminate_cause TEXT
) STRICT;
CREATE INDEX session_open ON session (id) WHERE stopped_us IS NULL;
CREATE INDEX session_stopped ON session (stopped_us) WHERE stopped_us IS NOT NULL;

CREATE TABLE accounting (
    seq INTEGER NOT NULL PRIMARY KEY,
    at_us INTEGER NOT NULL,
    client TEXT NOT NULL,
    status_type INTEGER NOT NULL,
    acct_session_id TEXT NOT NULL,
    mac TEXT,
    user_name TEXT NOT NULL,
    framed_ip TEXT,
    input_octets INTEGER NOT NULL,
    output_octets INTEGER NOT NULL,
    session_time_s INTEGER NOT NULL,
    terminate_cause INTEGER NOT NULL,
    attributes TEXT NOT NULL
) STRICT;
CREATE INDEX accounting_mac ON accounting (mac) WHERE mac IS NOT NULL;
CREATE INDEX accounting_session ON accounting (acct_session_id);

-- The record is complete; the other columns are for finding it.
CREATE TABLE decision (
    seq INTEGER NOT NULL PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    at_us INTEGER NOT NULL,
    client TEXT NOT NULL,
    mac TEXT,
    user_key TEXT NOT NULL,
    identity_key TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('accept', 'reject')),
    segment TEXT,
    reason_code TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    session_id BLOB,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX decision_mac ON decision (mac, id) WHERE mac IS NOT NULL;
CREATE INDEX decision_user ON decision (user_key, id);
CREATE INDEX decision_identity ON decision (identity_key, id);

CREATE TABLE enforcement (
    id BLOB NOT NULL PRIMARY KEY,
    session_id BLOB NOT NULL,
    device_id BLOB,
    mac TEXT,
    reason TEXT NOT NULL,
    from_segment TEXT NOT NULL,
    to_segment TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'acknowledged', 'proven', 'failed', 'superseded')),
    attempts TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    proven_us INTEGER,
    proof TEXT
) STRICT;
CREATE INDEX enforcement_session ON enforcement (session_id);
CREATE INDEX enforcement_open ON enforcement (id) WHERE state IN ('pending', 'sent', 'acknowledged');
