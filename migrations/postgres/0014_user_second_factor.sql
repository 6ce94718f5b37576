-- The same columns as ../sqlite/0014_user_second_factor.sql.

ALTER TABLE user_account ADD COLUMN totp_secret BYTEA;
ALTER TABLE user_account ADD COLUMN totp_last_step BIGINT NOT NULL DEFAULT 0;
