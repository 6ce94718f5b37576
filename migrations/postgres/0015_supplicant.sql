-- The same table as ../sqlite/0015_supplicant.sql.

-- Which MACs have a supplicant: how each was let in last by EAP, and when. Who comes with such a MAC and without EAP may have copied it.
CREATE TABLE supplicant (
    mac TEXT NOT NULL PRIMARY KEY,
    method TEXT NOT NULL,
    seen_us BIGINT NOT NULL
);

CREATE INDEX supplicant_seen ON supplicant (seen_us);

-- Who was let in before this table existed.
INSERT INTO supplicant (mac, method, seen_us)
SELECT DISTINCT ON (mac) mac, method, updated_us FROM session
WHERE mac IS NOT NULL
  AND (method LIKE 'EAP-%' OR method LIKE 'PEAP-%' OR method LIKE 'TTLS-%' OR method LIKE 'TEAP-%')
ORDER BY mac, updated_us DESC;
