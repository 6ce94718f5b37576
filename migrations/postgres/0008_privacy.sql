-- The same tables as ../sqlite/0008_privacy.sql.

-- What the portal shows and asks, for each site; the empty name is for sites that have nothing of their own.
CREATE TABLE portal_setting (
    site TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    logo BYTEA,
    updated_us BIGINT NOT NULL
);

-- The portal asks who is behind an address.
CREATE INDEX session_address ON session (framed_ip) WHERE stopped_us IS NULL AND framed_ip IS NOT NULL;

-- What the retention job did, newest last.
CREATE TABLE retention_run (
    id UUID NOT NULL PRIMARY KEY,
    started_us BIGINT NOT NULL,
    finished_us BIGINT NOT NULL,
    removed TEXT NOT NULL
);
