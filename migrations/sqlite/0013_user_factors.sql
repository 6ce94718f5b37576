-- The second factor of network users: the secret of an authenticator app (TOTP, RFC 6238), sealed, and the last time step whose
-- code was used, so that none is used twice (RFC 6238 section 5.2).

ALTER TABLE user_account ADD COLUMN totp_secret BLOB;
ALTER TABLE user_account ADD COLUMN totp_last_step INTEGER NOT NULL DEFAULT 0;

-- Until when the password is good, in microseconds since the Unix epoch; a new one is good until told otherwise.
ALTER TABLE user_account ADD COLUMN password_expires_us INTEGER;
