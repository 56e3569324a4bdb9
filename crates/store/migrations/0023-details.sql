-- What the office says of a person beside the name.
CREATE TABLE person_details (
    account      INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    title        TEXT,
    department   TEXT,
    company      TEXT,
    office       TEXT,
    -- With blanks between them.
    emails       TEXT NOT NULL DEFAULT '',
    work_phone   TEXT,
    mobile_phone TEXT,
    home_phone   TEXT,
    other_phone  TEXT
) STRICT;
