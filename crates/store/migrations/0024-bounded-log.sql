-- Up to where the client has acknowledged its events.
ALTER TABLE session ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0;
-- The log was full: lines of the history behind the newest one in it wait for their turn.
ALTER TABLE session ADD COLUMN lags INTEGER NOT NULL DEFAULT 0 CHECK (lags IN (0, 1));
