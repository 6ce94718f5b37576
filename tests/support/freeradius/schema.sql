CREATE TABLE radcheck (id INTEGER PRIMARY KEY, username TEXT NOT NULL, attribute TEXT NOT NULL, op TEXT NOT NULL, value TEXT NOT NULL);
CREATE INDEX radcheck_username ON radcheck(username);
CREATE TABLE radreply (id INTEGER PRIMARY KEY, username TEXT NOT NULL, attribute TEXT NOT NULL, op TEXT NOT NULL, value TEXT NOT NULL);
CREATE INDEX radreply_username ON radreply(username);
CREATE TABLE radacct (id INTEGER PRIMARY KEY, session TEXT NOT NULL, kind TEXT NOT NULL, username TEXT NOT NULL, station TEXT NOT NULL, seconds INTEGER NOT NULL);
