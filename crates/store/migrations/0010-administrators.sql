-- Who may sign in at the console.
CREATE TABLE administrator (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL
) STRICT;

-- Sessions of the console, by the SHA-256 of their cookie.
CREATE TABLE console_session (
    digest        BLOB PRIMARY KEY,
    administrator INTEGER NOT NULL REFERENCES administrator ON DELETE CASCADE,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX console_session_administrator ON console_session (administrator);
