-- The same columns as ../postgres/0012_message_authenticator.sql.

-- Whether Access-Requests have to carry Message-Authenticator: a rule, and until when a legacy one lasts. Clients of which it was not
-- required go on as they are until they send it.
ALTER TABLE client ADD COLUMN message_authenticator TEXT NOT NULL DEFAULT 'required'
    CHECK (message_authenticator IN ('required', 'learn', 'legacy'));
ALTER TABLE client ADD COLUMN legacy_until_us INTEGER;
UPDATE client SET message_authenticator = 'learn' WHERE NOT require_message_authenticator;
ALTER TABLE client DROP COLUMN require_message_authenticator;
