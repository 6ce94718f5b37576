-- The same tables as ../sqlite/0009_break_glass.sql.

-- The times in which posture keeps nobody out. At most one of them is not over.
CREATE TABLE break_glass (
    id UUID NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    ended_us BIGINT,
    ended_by TEXT
);
CREATE UNIQUE INDEX break_glass_on ON break_glass ((ended_us IS NULL)) WHERE ended_us IS NULL;
