CREATE TABLE photo (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    -- Pixels of a side.
    size    INTEGER NOT NULL,
    jpeg    BLOB NOT NULL,
    etag    TEXT NOT NULL,
    PRIMARY KEY (account, size)
) STRICT;
