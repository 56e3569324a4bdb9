-- Events of less weight wait for others to go with; those that were queued before have waited long enough.
ALTER TABLE event ADD COLUMN queued_at INTEGER NOT NULL DEFAULT 0;
