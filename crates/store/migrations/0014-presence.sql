-- What a person chose to be seen as, on all their devices; NULL: what the devices show.
ALTER TABLE account ADD COLUMN chosen TEXT CHECK (
    chosen IN ('Online', 'Busy', 'DoNotDisturb', 'BeRightBack', 'Away', 'Offwork', 'Offline')
);
ALTER TABLE account ADD COLUMN location TEXT NOT NULL DEFAULT '';
-- The availability of which those who see the person were last told; NULL: they are to be told again.
ALTER TABLE account ADD COLUMN told INTEGER;

-- When somebody last used the device, and after how many milliseconds without that it is inactive.
ALTER TABLE session ADD COLUMN last_active INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN inactive_after INTEGER NOT NULL DEFAULT 300000;
ALTER TABLE session ADD COLUMN device_type TEXT NOT NULL DEFAULT 'Mobile'
    CHECK (device_type IN ('Mobile', 'PC', 'Web', 'Unknown'));

-- Devices published a choice each; now the person has one, that of the device that claimed most attention.
UPDATE account SET chosen = (
    SELECT CASE s.availability WHEN 6500 THEN 'Busy' WHEN 9500 THEN 'DoNotDisturb' WHEN 12500 THEN 'BeRightBack'
        WHEN 15500 THEN 'Away' WHEN 18500 THEN 'Offline' END
    FROM session s
    WHERE s.account = account.id AND NOT EXISTS (
        SELECT 1 FROM ucwa_application u WHERE u.device = s.device AND u.available = 0)
    ORDER BY CASE s.availability WHEN 9500 THEN 5 WHEN 6500 THEN 4 WHEN 3500 THEN 3 WHEN 12500 THEN 2
        WHEN 15500 THEN 1 ELSE 0 END DESC
    LIMIT 1
);
-- From here on `session.availability` says whether the session counts (3500) or has not made itself available (18500).
UPDATE session SET last_active = last_seen, availability = 3500 WHERE NOT EXISTS (
    SELECT 1 FROM ucwa_application u WHERE u.device = session.device AND u.available = 0);
