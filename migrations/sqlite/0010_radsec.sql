-- The same columns as ../postgres/0010_radsec.sql.

-- The name in a certificate by which a client is known that comes over TLS, in lower case; NULL where its address says who it is.
ALTER TABLE client ADD COLUMN radsec_name TEXT;
CREATE UNIQUE INDEX client_radsec_name ON client (radsec_name) WHERE radsec_name IS NOT NULL;
