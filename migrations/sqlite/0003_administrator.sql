-- The same tables as ../postgres/0003_administrator.sql.

-- Who may use the admin pages. Nobody has a default password; the first one comes by an invitation.
CREATE TABLE administrator (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'help-desk', 'guest-operator', 'policy-editor', 'administrator', 'owner')),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    password TEXT,
    totp_secret BLOB,
    totp_last_step INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    last_sign_in_us INTEGER
) STRICT;

-- One-time links: a new administrator, or new means of signing in for one who lost theirs.
CREATE TABLE administrator_invitation (
    id BLOB NOT NULL PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    name TEXT,
    invited_by TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    used_us INTEGER
) STRICT;

CREATE TABLE administrator_passkey (
    id BLOB NOT NULL PRIMARY KEY,
    administrator_id BLOB NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    credential_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    passkey TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    last_used_us INTEGER
) STRICT;
CREATE INDEX administrator_passkey_owner ON administrator_passkey (administrator_id);

CREATE TABLE administrator_backup_code (
    administrator_id BLOB NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    code_sha256 TEXT NOT NULL,
    used_us INTEGER,
    PRIMARY KEY (administrator_id, code_sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE administrator_session (
    id BLOB NOT NULL PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    administrator_id BLOB NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    method TEXT NOT NULL,
    source TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL,
    confirmed_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX administrator_session_owner ON administrator_session (administrator_id);

CREATE TABLE api_token (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    token_sha256 TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    last_used_us INTEGER,
    revoked_us INTEGER
) STRICT;
