-- Name servers elsewhere that keep copies of the zones. The secret of a key is sealed.
CREATE TABLE secondary (
    name          TEXT PRIMARY KEY,
    address       TEXT NOT NULL,
    side          TEXT NOT NULL CHECK (side IN ('inside', 'outside')),
    key_name      TEXT UNIQUE,
    key_algorithm TEXT,
    sealed_secret BLOB,
    CHECK ((key_name IS NULL) = (key_algorithm IS NULL)),
    CHECK ((key_name IS NULL) = (sealed_secret IS NULL))
) STRICT, WITHOUT ROWID;
