-- The channels of events of an application of UCWA: one for each instance of its client, '' for one that names none.
CREATE TABLE ucwa_channel (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    device       INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    instance     TEXT NOT NULL,
    -- Up to where this instance has acknowledged the events of the session.
    acknowledged INTEGER NOT NULL,
    -- When it last asked for events, to the minute.
    polled_at    INTEGER NOT NULL,
    -- What it has said of how it is to be answered, in seconds.
    medium       INTEGER NOT NULL DEFAULT 5,
    low          INTEGER NOT NULL DEFAULT 15,
    timeout      INTEGER NOT NULL DEFAULT 180,
    -- Where it stood when it came back after a long silence.
    resumed_at   INTEGER,
    UNIQUE (device, instance)
) STRICT;
INSERT INTO ucwa_channel (device, instance, acknowledged, polled_at)
SELECT u.device, coalesce(u.instance_id, ''), s.acknowledged, s.last_seen FROM ucwa_application u JOIN session s ON s.device = u.device;
ALTER TABLE ucwa_application DROP COLUMN instance_id;
