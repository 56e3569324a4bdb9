-- When a person has read a message, and when it was given up because nobody fetched it.
ALTER TABLE delivery ADD COLUMN read_at INTEGER;
ALTER TABLE delivery ADD COLUMN failed_at INTEGER;
