-- Whether zones are signed, and for which moment. No row: they are not.
CREATE TABLE dnssec (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    made_at INTEGER NOT NULL
) STRICT;

-- One key for each zone that was ever signed: a zone that is signed again has the key that its parent knows.
CREATE TABLE zone_key (
    apex       TEXT PRIMARY KEY,
    sealed_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
