-- Planned meetings. Who is invited is a list of addresses, one a line: they may be nobody's yet.
CREATE TABLE meeting (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    organizer   INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    subject     TEXT NOT NULL,
    description TEXT NOT NULL,
    access      TEXT NOT NULL,
    attendees   TEXT NOT NULL,
    leaders     TEXT NOT NULL,
    expires_at  INTEGER NOT NULL,
    revision    INTEGER NOT NULL DEFAULT 1,
    -- Where those who came talk, once somebody did.
    conversation INTEGER REFERENCES conversation ON DELETE SET NULL
) STRICT;

CREATE INDEX meeting_organizer ON meeting (organizer);
CREATE INDEX meeting_expiry ON meeting (expires_at);
CREATE INDEX meeting_conversation ON meeting (conversation);
