-- The same tables as ../postgres/0002_audit.sql.

-- Who changed what. Each row's seal covers the one before it, so that an edited or missing row is found.
CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    at_us INTEGER NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('admin', 'token', 'cli', 'portal', 'system')),
    actor TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT,
    after TEXT,
    seal TEXT NOT NULL
) STRICT;
CREATE INDEX audit_object ON audit (object, seq);

-- The newest row and its seal: removing rows from the end is found too.
CREATE TABLE audit_head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    seal TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (id, seq, seal) VALUES (1, 0, '');
