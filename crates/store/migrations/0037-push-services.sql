-- What one service does says nothing of the others, so each has its own line in the outbox: for Web Push the origin of
-- the endpoint, else the name of the provider.
ALTER TABLE device ADD COLUMN push_service TEXT;
UPDATE device SET push_service = iif(push_provider = 'webpush',
    replace(substr(push_token, 1, 8 + instr(replace(substr(push_token, 9), '?', '/') || '/', '/') - 1), ':443', ''),
    push_provider)
WHERE push_provider IS NOT NULL;

-- Who began and has not said what came of it is the one worker there is; the next one begins by releasing them.
--
-- A device is woken for one thing after the other: of what was not tried yet, only the head of its line can be taken, and
-- the next one moves up when it was tried or has gone (where rows are deleted, by the trigger). What is to be tried again
-- is free, as is what somebody waits for.
--
-- The words are compared one by one: for a list of them SQLite would make a table with each change.
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
               CHECK (state = 'pending' OR state = 'accepted' OR state = 'dropped' OR state = 'unneeded'),
    attempts   INTEGER NOT NULL DEFAULT 0,
    claimed    INTEGER NOT NULL DEFAULT 0 CHECK (claimed IN (0, 1)),
    due_at     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    service    TEXT NOT NULL,
    place      TEXT NOT NULL CHECK (place = 'head' OR place = 'behind' OR place = 'free'),
    UNIQUE (message, device),
    UNIQUE (invitation, device),
    CHECK ((message IS NOT NULL) + (invitation IS NOT NULL) + (request IS NOT NULL) + sign_in = 1)
) STRICT;
CREATE TABLE push_ledger (
    id           INTEGER PRIMARY KEY,
    notification INTEGER NOT NULL REFERENCES notification ON DELETE CASCADE,
    at           INTEGER NOT NULL,
    step         TEXT NOT NULL,
    detail       TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO notification (id, device, message, invitation, request, sign_in, collapse, state, attempts, claimed,
        due_at, expires_at, service, place)
    SELECT n.id, n.device, n.message, n.invitation, n.request, n.sign_in, n.collapse, n.state, n.attempts, 0,
        n.due_at, n.expires_at, coalesce(d.push_service, ''),
        iif(n.attempts > 0 OR n.request IS NOT NULL, 'free', 'behind')
    FROM notification_before n JOIN device d ON d.id = n.device;
INSERT INTO push_ledger SELECT id, notification, at, step, detail FROM push_ledger_before;
DROP TABLE push_ledger_before;
DROP TABLE notification_before;
UPDATE notification SET place = 'head' WHERE id IN (
    SELECT min(id) FROM notification WHERE state = 'pending' AND place = 'behind' GROUP BY device);
CREATE INDEX notification_device ON notification (device) WHERE state = 'pending';
CREATE INDEX push_ledger_notification ON push_ledger (notification);
CREATE TRIGGER notification_moves_up AFTER DELETE ON notification
WHEN OLD.place = 'head' AND OLD.state = 'pending'
BEGIN
    UPDATE notification SET place = 'head' WHERE id = (
        SELECT min(id) FROM notification WHERE device = OLD.device AND state = 'pending' AND place = 'behind');
END;

CREATE INDEX notification_due ON notification (service, due_at)
    WHERE state = 'pending' AND claimed = 0 AND place <> 'behind';
CREATE INDEX notification_under_way ON notification (device) WHERE claimed = 1;
CREATE INDEX notification_test ON notification (due_at)
    WHERE request IS NOT NULL AND state = 'pending' AND claimed = 0;

-- For the badge, which counts what did not fail.
DROP INDEX delivery_waiting;
CREATE INDEX delivery_waiting ON delivery (recipient, failed_at, delivered_at) WHERE delivered_at IS NULL;
