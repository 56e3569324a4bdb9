-- An invitation with which nothing is said wakes a sleeping device too.
ALTER TABLE push_ledger RENAME TO push_ledger_before;
ALTER TABLE notification RENAME TO notification_before;
CREATE TABLE notification (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    device     INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
    message    INTEGER REFERENCES message ON DELETE CASCADE,
    invitation INTEGER REFERENCES invitation ON DELETE CASCADE,
    request    TEXT,
    collapse   TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'pending'
               CHECK (state IN ('pending', 'accepted', 'dropped', 'unneeded')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    -- A worker has it and has not said what came of it; it is due again when the lease ends.
    claimed    INTEGER NOT NULL DEFAULT 0 CHECK (claimed IN (0, 1)),
    due_at     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (message, device),
    UNIQUE (invitation, device),
    CHECK ((message IS NOT NULL) + (invitation IS NOT NULL) + (request IS NOT NULL) = 1)
) STRICT;
CREATE TABLE push_ledger (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL REFERENCES notification ON DELETE CASCADE,
    at           INTEGER NOT NULL,
    step         TEXT NOT NULL,
    detail       TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO notification
        (id, device, message, request, collapse, state, attempts, claimed, due_at, expires_at)
    SELECT id, device, message, request, collapse, state, attempts, claimed, due_at, expires_at
    FROM notification_before;
INSERT INTO push_ledger SELECT id, notification, at, step, detail FROM push_ledger_before;
DROP TABLE push_ledger_before;
DROP TABLE notification_before;
CREATE INDEX notification_due ON notification (due_at) WHERE state = 'pending';
CREATE INDEX push_ledger_notification ON push_ledger (notification);
