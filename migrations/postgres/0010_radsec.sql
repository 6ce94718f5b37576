-- The same columns as ../sqlite/0010_radsec.sql.

-- The name in a certificate by which a client is known that comes over TLS, in lower case; NULL where its address says who it is.
ALTER TABLE client ADD COLUMN radsec_name TEXT;
CREATE UNIQUE INDEX client_radsec_name ON client (radsec_name) WHERE radsec_name IS NOT NULL;

-- What carried the last packet of a client.
ALTER TABLE client_activity ADD COLUMN last_transport TEXT NOT NULL DEFAULT '';

-- Certificates for NASes.
ALTER TABLE certificate DROP CONSTRAINT certificate_kind_check;
ALTER TABLE certificate ADD CONSTRAINT certificate_kind_check CHECK (kind IN ('server', 'user', 'device', 'nas'));
