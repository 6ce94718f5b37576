-- The same columns as ../postgres/0010_radsec.sql.

-- The name in a certificate by which a client is known that comes over TLS, in lower case; NULL where its address says who it is.
ALTER TABLE client ADD COLUMN radsec_name TEXT;
CREATE UNIQUE INDEX client_radsec_name ON client (radsec_name) WHERE radsec_name IS NOT NULL;

-- What carried the last packet of a client.
ALTER TABLE client_activity ADD COLUMN last_transport TEXT NOT NULL DEFAULT '';

-- Certificates for NASes. A CHECK cannot be changed, so the table is made anew.
CREATE TABLE certificate_new (
    serial TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('server', 'user', 'device', 'nas')),
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
INSERT INTO certificate_new SELECT * FROM certificate;
DROP TABLE certificate;
ALTER TABLE certificate_new RENAME TO certificate;
CREATE INDEX certificate_issued ON certificate (issued_us);
CREATE INDEX certificate_revoked ON certificate (serial) WHERE revoked_us IS NOT NULL;
CREATE INDEX certificate_expiry ON certificate (not_after_us) WHERE revoked_us IS NULL;
