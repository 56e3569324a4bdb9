-- What is looked for in the log of a session and among conversations is found without reading all of it.
CREATE INDEX event_about ON event (device, kind, person, conversation) WHERE history IS NULL;
CREATE INDEX conversation_begun ON conversation (creator, created_at);
-- Up to where a person has read.
ALTER TABLE participant ADD COLUMN read_up_to INTEGER NOT NULL DEFAULT 0;
