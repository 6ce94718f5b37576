-- The same tables as ../postgres/0004_guest.sql.

-- One visitor's permission to be here, asked for or given.
CREATE TABLE guest (
    id BLOB NOT NULL PRIMARY KEY,
    method TEXT NOT NULL CHECK (method IN ('click', 'form', 'email', 'sponsor', 'voucher', 'operator')),
    status TEXT NOT NULL CHECK (status IN ('unverified', 'awaiting', 'invited', 'active', 'denied', 'expired', 'revoked')),
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    phone TEXT NOT NULL,
    company TEXT NOT NULL,
    host TEXT NOT NULL,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    sponsor TEXT NOT NULL,
    language TEXT NOT NULL,
    site TEXT NOT NULL,
    mac TEXT,
    voucher_id BLOB,
    duration_s INTEGER NOT NULL,
    devices_max INTEGER NOT NULL,
    terms_version TEXT,
    link_sha256 TEXT UNIQUE,
    link_expires_us INTEGER,
    activation_until_us INTEGER,
    extended INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_us INTEGER NOT NULL,
    starts_us INTEGER,
    expires_us INTEGER,
    verified_us INTEGER,
    decided_us INTEGER,
    decided_by TEXT,
    decision_reason TEXT,
    ended_us INTEGER,
    ended_by TEXT
) STRICT;
CREATE INDEX guest_status ON guest (status, id);
CREATE INDEX guest_email ON guest (email_key);
CREATE INDEX guest_due ON guest (expires_us) WHERE status IN ('active', 'invited');
CREATE INDEX guest_link_due ON guest (link_expires_us) WHERE status IN ('unverified', 'awaiting');
CREATE INDEX guest_activation_due ON guest (activation_until_us) WHERE activation_until_us IS NOT NULL;
CREATE INDEX guest_ended ON guest (ended_us) WHERE ended_us IS NOT NULL;

-- Whose device it is now. A device that registers again belongs to the newer guest.
CREATE TABLE guest_device (
    device_id BLOB NOT NULL PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    guest_id BLOB NOT NULL REFERENCES guest (id) ON DELETE CASCADE,
    mac TEXT NOT NULL UNIQUE,
    added_us INTEGER NOT NULL,
    left_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX guest_device_guest ON guest_device (guest_id);

-- Who accepted which version. It outlives the guest.
CREATE TABLE guest_acceptance (
    id BLOB NOT NULL PRIMARY KEY,
    guest_id BLOB NOT NULL,
    version TEXT NOT NULL,
    language TEXT NOT NULL,
    mac TEXT,
    source TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX guest_acceptance_guest ON guest_acceptance (guest_id);

CREATE TABLE voucher_batch (
    id BLOB NOT NULL PRIMARY KEY,
    note TEXT NOT NULL,
    site TEXT NOT NULL,
    size INTEGER NOT NULL,
    duration_s INTEGER NOT NULL,
    start_rule TEXT NOT NULL CHECK (start_rule IN ('first-use', 'fixed')),
    starts_us INTEGER,
    devices INTEGER NOT NULL,
    expires_us INTEGER,
    created_us INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    revoked_us INTEGER,
    revoked_by TEXT
) STRICT;

-- Found by the HMAC of the code; the code itself is sealed, for the print sheet.
CREATE TABLE voucher (
    id BLOB NOT NULL PRIMARY KEY,
    batch_id BLOB NOT NULL REFERENCES voucher_batch (id) ON DELETE CASCADE,
    code_hmac TEXT NOT NULL UNIQUE,
    code BLOB NOT NULL,
    guest_id BLOB,
    first_used_us INTEGER,
    ends_us INTEGER,
    revoked_us INTEGER,
    revoked_by TEXT
) STRICT;
CREATE INDEX voucher_batch_id ON voucher (batch_id, id);

-- Mail that waits to be sent, and what became of the rest.
CREATE TABLE mail (
    id BLOB NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    guest_id BLOB,
    recipient TEXT NOT NULL,
    recipient_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    attempts INTEGER NOT NULL,
    next_us INTEGER NOT NULL,
    error TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_queued ON mail (next_us) WHERE state = 'queued';
CREATE INDEX mail_recipient ON mail (recipient_key, created_us);
CREATE INDEX mail_created ON mail (created_us);
