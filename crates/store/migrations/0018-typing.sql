-- Who is writing where, until they say otherwise or this time has come.
CREATE TABLE typing (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    account      INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    until        INTEGER NOT NULL,
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX typing_until ON typing (until);
