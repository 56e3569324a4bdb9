-- When the box was last up, and from when on what is old may be forgotten: one row.
CREATE TABLE uptime (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    seen_at      INTEGER NOT NULL,
    forgets_from INTEGER NOT NULL
) STRICT;
