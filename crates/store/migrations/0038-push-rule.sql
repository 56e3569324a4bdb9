-- A person's own mark on a conversation: no device of theirs is woken for it.
ALTER TABLE participant ADD COLUMN muted INTEGER NOT NULL DEFAULT 0 CHECK (muted IN (0, 1));
CREATE INDEX participant_muted ON participant (account) WHERE muted = 1;

-- Given up for a reason that may pass: when it has, the same is queued once more.
ALTER TABLE notification ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1));

-- Why a device that slept was not woken for a message.
CREATE TABLE not_woken (
    message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    device  INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
    at      INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    PRIMARY KEY (message, device)
) STRICT, WITHOUT ROWID;

-- Which device has fetched it first.
ALTER TABLE delivery ADD COLUMN fetched_by INTEGER REFERENCES device ON DELETE SET NULL;

UPDATE push_ledger SET step = 'refused' WHERE step = 'gone';
UPDATE push_ledger SET step = 'expired', detail = '' WHERE step = 'given-up' AND detail = 'it expired';

-- WNS has a switch now, which is on where devices were woken through it.
INSERT OR IGNORE INTO configuration (object, scope)
    SELECT 'PushNotificationConfiguration', 'global' FROM wns_settings;
INSERT INTO configuration_value (object, scope, name, position, word)
    SELECT object, scope, 'EnableMicrosoftPushNotificationService', 0, 'True' FROM configuration, wns_settings
    WHERE object = 'PushNotificationConfiguration'
    ON CONFLICT DO UPDATE SET word = excluded.word;
