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
DROP INDEX notification_due;
CREATE INDEX notification_due ON notification (service, due_at) WHERE state = 'pending' AND claimed = 0;
CREATE UNIQUE INDEX notification_under_way ON notification (device) WHERE claimed = 1;
CREATE INDEX notification_test ON notification (due_at)
    WHERE request IS NOT NULL AND state = 'pending' AND claimed = 0;
