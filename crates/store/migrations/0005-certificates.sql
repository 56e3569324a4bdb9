-- What stands in front of the certificate of the box's own authority. No row: nothing does.
CREATE TABLE certificate_choice (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    source TEXT NOT NULL CHECK (source IN ('own', 'uploaded', 'acme'))
) STRICT;

CREATE TABLE certificate (
    source     TEXT PRIMARY KEY CHECK (source IN ('uploaded', 'acme')),
    chain_pem  TEXT NOT NULL,
    sealed_key BLOB NOT NULL,
    kept_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE acme_settings (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    directory      TEXT NOT NULL,
    contact        TEXT NOT NULL,
    trust_anchors  TEXT,
    challenge      TEXT,
    sealed_account BLOB,
    -- An administrator wants a new certificate, whatever is left of the old one.
    asked          INTEGER NOT NULL DEFAULT 0 CHECK (asked IN (0, 1)),
    -- Since the last success.
    failures       INTEGER NOT NULL DEFAULT 0,
    failed_at      INTEGER,
    problem        TEXT,
    CHECK ((failed_at IS NULL) = (problem IS NULL))
) STRICT;

-- The order that is being carried out.
CREATE TABLE acme_order (
    id         INTEGER PRIMARY KEY CHECK (id = 1) REFERENCES acme_settings ON DELETE CASCADE,
    url        TEXT NOT NULL,
    names      TEXT NOT NULL,
    challenge  TEXT NOT NULL,
    sealed_key BLOB NOT NULL
) STRICT;

-- TXT records that the zones have while names are proved with them.
CREATE TABLE acme_challenge (
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name, value)
) STRICT, WITHOUT ROWID;
