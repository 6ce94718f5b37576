-- The same tables as ../sqlite/0003_administrator.sql.

-- Who may use the admin pages. Nobody has a default password; the first one comes by an invitation.
CREATE TABLE administrator (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'help-desk', 'guest-operator', 'policy-editor', 'administrator', 'owner')),
    enabled BOOLEAN NOT NULL,
    password TEXT,
    totp_secret BYTEA,
    totp_last_step BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    last_sign_in_us BIGINT
);

-- One-time links: a new administrator, or new means of signing in for one who lost theirs.
CREATE TABLE administrator_invitation (
    id UUID NOT NULL PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    name TEXT,
    invited_by TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us BIGINT
);

CREATE TABLE administrator_passkey (
    id UUID NOT NULL PRIMARY KEY,
    administrator_id UUID NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    credential_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    passkey TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    last_used_us BIGINT
);
CREATE INDEX administrator_passkey_owner ON administrator_passkey (administrator_id);

CREATE TABLE administrator_backup_code (
    administrator_id UUID NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    code_sha256 TEXT NOT NULL,
    used_us BIGINT,
    PRIMARY KEY (administrator_id, code_sha256)
);

CREATE TABLE administrator_session (
    id UUID NOT NULL PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    administrator_id UUID NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    method TEXT NOT NULL,
    source TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    seen_us BIGINT NOT NULL,
    confirmed_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
CREATE INDEX administrator_session_owner ON administrator_session (administrator_id);

CREATE TABLE api_token (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    token_sha256 TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    last_used_us BIGINT,
    revoked_us BIGINT
);
