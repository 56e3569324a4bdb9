-- How the outside finds the box, the name of the host in links, who is inside, and who is asked for other names.

ALTER TABLE office ADD COLUMN mode TEXT NOT NULL DEFAULT 'office-only'
    CHECK (mode IN ('records-at-provider', 'delegated', 'office-only'));
ALTER TABLE office ADD COLUMN web_host TEXT NOT NULL DEFAULT 'web';

CREATE TABLE inside_network (
    network TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE resolver (
    position INTEGER PRIMARY KEY,
    address  TEXT NOT NULL
) STRICT;

-- An office with an outside address was answered for outside by the box.
UPDATE office SET mode = 'delegated' WHERE EXISTS (SELECT 1 FROM office_address WHERE side = 'outside');

-- What was inside by rule.
INSERT INTO inside_network
    SELECT column1 FROM (VALUES ('127.0.0.0/8'), ('10.0.0.0/8'), ('172.16.0.0/12'), ('192.168.0.0/16'),
                                ('169.254.0.0/16'), ('::1/128'), ('fc00::/7'), ('fe80::/10'))
    WHERE EXISTS (SELECT 1 FROM office);
