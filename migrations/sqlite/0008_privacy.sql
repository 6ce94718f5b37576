-- The same tables as ../postgres/0008_privacy.sql.

-- What the portal shows and asks, for each site; the empty name is for sites that have nothing of their own.
CREATE TABLE portal_setting (
    site TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    logo BLOB,
    updated_us INTEGER NOT NULL
) STRICT;

-- The portal asks who is behind an address.
CREATE INDEX session_address ON session (framed_ip) WHERE stopped_us IS NULL AND framed_ip IS NOT NULL;

-- What the retention job did, newest last.
CREATE TABLE retention_run (
    id BLOB NOT NULL PRIMARY KEY,
    started_us INTEGER NOT NULL,
    finished_us INTEGER NOT NULL,
    removed TEXT NOT NULL
) STRICT;
