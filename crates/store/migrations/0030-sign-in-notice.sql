-- How its session ended, where nobody ended it; NULL while it has one, and after a sign-out.
ALTER TABLE device ADD COLUMN session_end TEXT CHECK (session_end IN ('expired', 'displaced'));

-- A device whose session has ended so is told to sign in again.
ALTER TABLE push_ledger RENAME TO push_ledger_before;
ALTER TABLE notification RENAME TO notification_before;
CREATE TABLE notification (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    device     INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
    message    INTEGER REFERENCES message ON DELETE CASCADE,
    invitation INTEGER REFERENCES invitation ON DELETE CASCADE,
    request    TEXT,
    sign_in    INTEGER NOT NULL DEFAULT 0 CHECK (sign_in IN (0, 1)),
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
    CHECK ((message IS NOT NULL) + (invitation IS NOT NULL) + (request IS NOT NULL) + sign_in = 1)
) STRICT;
CREATE TABLE push_ledger (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL REFERENCES notification ON DELETE CASCADE,
    at           INTEGER NOT NULL,
    step         TEXT NOT NULL,
    detail       TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO notification
        (id, device, message, invitation, request, collapse, state, attempts, claimed, due_at, expires_at)
    SELECT id, device, message, invitation, request, collapse, state, attempts, claimed, due_at, expires_at
    FROM notification_before;
INSERT INTO push_ledger SELECT id, notification, at, step, detail FROM push_ledger_before;
DROP TABLE push_ledger_before;
DROP TABLE notification_before;
CREATE INDEX notification_due ON notification (due_at) WHERE state = 'pending';
CREATE INDEX notification_device ON notification (device) WHERE state = 'pending';
CREATE INDEX push_ledger_notification ON push_ledger (notification);
