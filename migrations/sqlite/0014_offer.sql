-- The same tables as ../postgres/0014_offer.sql.

-- Which methods are offered where: the first row that fits a login counts, and when none fits the lists in nac.toml. An empty text fits
-- everything, `*` any part of a name. The lists are JSON arrays, the preferred method first; without inner methods those of nac.toml
-- count.
CREATE TABLE offer (
    name TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL,
    client TEXT NOT NULL,
    site TEXT NOT NULL,
    ssid TEXT NOT NULL,
    realm TEXT NOT NULL,
    methods TEXT NOT NULL,
    inner_methods TEXT NOT NULL,
    description TEXT NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;
