-- The Autodiscover root of the pool where a person is at home; NULL for this box.
ALTER TABLE account ADD COLUMN homed_at TEXT;
