-- Records and zones of the administrator's own. What has no text has no row.
CREATE TABLE custom_zone (
    content TEXT NOT NULL CHECK (content IN ('records', 'zone')),
    apex    TEXT NOT NULL,
    sides   TEXT NOT NULL CHECK (sides IN ('inside', 'outside', 'both')),
    text    TEXT NOT NULL CHECK (text <> ''),
    PRIMARY KEY (content, apex, sides)
) STRICT, WITHOUT ROWID;

-- What the last change replaced; an empty text where there was nothing.
CREATE TABLE custom_zone_before (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    content TEXT NOT NULL CHECK (content IN ('records', 'zone')),
    apex    TEXT NOT NULL,
    sides   TEXT NOT NULL CHECK (sides IN ('inside', 'outside', 'both')),
    text    TEXT NOT NULL
) STRICT;
