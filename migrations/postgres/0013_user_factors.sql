-- The same columns as ../sqlite/0013_user_factors.sql.

ALTER TABLE user_account ADD COLUMN totp_secret BYTEA;
ALTER TABLE user_account ADD COLUMN totp_last_step BIGINT NOT NULL DEFAULT 0;

ALTER TABLE user_account ADD COLUMN password_expires_us BIGINT;
