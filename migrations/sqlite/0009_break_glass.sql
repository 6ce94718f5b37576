-- The same tables as ../postgres/0009_break_glass.sql.

-- The times in which posture keeps nobody out. At most one of them is not over.
CREATE TABLE break_glass (
    id BLOB NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    ended_us INTEGER,
    ended_by TEXT
) STRICT;
CREATE UNIQUE INDEX break_glass_on ON break_glass ((ended_us IS NULL)) WHERE ended_us IS NULL;
