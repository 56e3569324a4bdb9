-- What a client of UCWA said when it made its application: a session of its device that lives and ends with it.
CREATE TABLE ucwa_application (
    device        INTEGER PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    endpoint_id   TEXT NOT NULL,
    culture       TEXT NOT NULL,
    user_agent    TEXT NOT NULL,
    kind          TEXT NOT NULL,
    instance_id   TEXT,
    -- It has made itself available, and takes messages in these formats.
    available     INTEGER NOT NULL DEFAULT 0 CHECK (available IN (0, 1)),
    formats       TEXT NOT NULL DEFAULT 'Plain'
) STRICT;
