-- What one service does says nothing of the others, so each has its own line in the outbox: for Web Push the origin of
-- the endpoint, else the name of the provider.
ALTER TABLE device ADD COLUMN push_service TEXT;
UPDATE device SET push_service = iif(push_provider = 'webpush',
    replace(substr(push_token, 1, 8 + instr(replace(substr(push_token, 9), '?', '/') || '/', '/') - 1), ':443', ''),
    push_provider)
WHERE push_provider IS NOT NULL;

ALTER TABLE notification ADD COLUMN service TEXT NOT NULL DEFAULT '';
UPDATE notification SET service = coalesce((SELECT push_service FROM device d WHERE d.id = device), '');

-- Who began and has not said what came of it is the one worker there is; the next one begins by releasing them.
UPDATE notification SET claimed = 0;

-- A device is woken for one thing after the other: of what was not tried yet, only the head of its line can be taken, and
-- the next one moves up when it was tried or has gone (where rows are deleted, by the trigger). What is to be tried again is free, as is what somebody waits for.
ALTER TABLE notification ADD COLUMN place TEXT NOT NULL DEFAULT 'behind' CHECK (place IN ('head', 'behind', 'free'));
UPDATE notification SET place = 'free' WHERE attempts > 0 OR request IS NOT NULL;
UPDATE notification SET place = 'head' WHERE id IN (
    SELECT min(id) FROM notification WHERE state = 'pending' AND place = 'behind' GROUP BY device);
-- There is one of a device at most, here and below; a unique index would be checked by a table of its own each time.
CREATE INDEX notification_head ON notification (device) WHERE place = 'head' AND state = 'pending';
CREATE TRIGGER notification_moves_up AFTER DELETE ON notification
WHEN OLD.place = 'head' AND OLD.state = 'pending'
BEGIN
    UPDATE notification SET place = 'head' WHERE id = (
        SELECT min(id) FROM notification WHERE device = OLD.device AND state = 'pending' AND place = 'behind');
END;

DROP INDEX notification_due;
CREATE INDEX notification_due ON notification (service, due_at)
    WHERE state = 'pending' AND claimed = 0 AND place <> 'behind';
CREATE INDEX notification_under_way ON notification (device) WHERE claimed = 1;
CREATE INDEX notification_test ON notification (due_at)
    WHERE request IS NOT NULL AND state = 'pending' AND claimed = 0;

-- For the badge, which counts what did not fail.
DROP INDEX delivery_waiting;
CREATE INDEX delivery_waiting ON delivery (recipient, failed_at, message) WHERE delivered_at IS NULL;
