-- The same tables as ../sqlite/0005_device_registration.sql.

-- Devices that people register themselves: what it is, until when it may be used, whether it was lost. The name in lower
-- case finds and sorts.
ALTER TABLE device ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE device SET name_key = LOWER(name);
ALTER TABLE device ADD COLUMN device_type TEXT;
ALTER TABLE device ADD COLUMN expires_us BIGINT;
ALTER TABLE device ADD COLUMN lost_us BIGINT;
ALTER TABLE device ADD COLUMN lost_by TEXT;
-- Sorted and searched by their beginning as SQLite does it.
ALTER TABLE device ALTER COLUMN owner_key TYPE TEXT COLLATE "C";
ALTER TABLE device_identifier ALTER COLUMN value TYPE TEXT COLLATE "C";
CREATE INDEX device_name ON device (name_key, id);
CREATE INDEX device_updated ON device (updated_us, id);
CREATE INDEX device_owner_sort ON device (COALESCE(owner_key, ''), id);
CREATE INDEX device_expires_sort ON device (COALESCE(expires_us, 9223372036854775807), id);

-- Keys for Wi-Fi that one device has for itself. The passphrase is sealed; it is gone once the key is over.
CREATE TABLE device_psk (
    id UUID NOT NULL PRIMARY KEY,
    device_id UUID NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    ssid TEXT NOT NULL,
    passphrase BYTEA,
    created_us BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    ends_us BIGINT,
    ended_by TEXT,
    revoked BOOLEAN NOT NULL
);
CREATE INDEX device_psk_device ON device_psk (device_id, id);
CREATE UNIQUE INDEX device_psk_current ON device_psk (device_id, ssid) WHERE ends_us IS NULL;
CREATE INDEX device_psk_over ON device_psk (ends_us) WHERE passphrase IS NOT NULL AND ends_us IS NOT NULL;

-- When and where a device was last on the network.
CREATE INDEX session_device ON session (device_id, id) WHERE device_id IS NOT NULL;
