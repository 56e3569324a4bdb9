-- The clearing house: the boxes whose notifications this one sends, the invitations of further ones, and what became of
-- what they handed over.
CREATE TABLE push_house_box (
    name       TEXT PRIMARY KEY,
    key_digest BLOB NOT NULL UNIQUE,
    per_minute INTEGER NOT NULL CHECK (per_minute > 0),
    per_day    INTEGER NOT NULL CHECK (per_day > 0),
    paired_at  INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE push_house_invitation (
    number        TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    ticket_digest BLOB NOT NULL,
    expires_at    INTEGER NOT NULL,
    wrong         INTEGER NOT NULL DEFAULT 0,
    used          INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE push_house_ledger (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    box      TEXT NOT NULL,
    at       INTEGER NOT NULL,
    provider TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    attempt  INTEGER NOT NULL
) STRICT;
CREATE INDEX push_house_ledger_box ON push_house_ledger (box, at);
CREATE INDEX push_house_ledger_at ON push_house_ledger (at);
CREATE TABLE push_house_throttled (
    box   TEXT NOT NULL,
    day   INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (box, day)
) STRICT, WITHOUT ROWID;
-- The house that sends for this box. The key is sealed.
CREATE TABLE push_house (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    address       TEXT NOT NULL,
    authority_pem TEXT NOT NULL,
    name          TEXT NOT NULL,
    services      TEXT NOT NULL,
    certificate   TEXT NOT NULL,
    sealed_key    BLOB NOT NULL
) STRICT;
