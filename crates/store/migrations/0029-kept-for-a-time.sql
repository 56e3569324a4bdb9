-- What is forgotten takes everything about it along, which has to be found.
CREATE INDEX event_message ON event (message) WHERE message IS NOT NULL;
CREATE INDEX event_conversation ON event (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX event_invitation ON event (invitation) WHERE invitation IS NOT NULL;
CREATE INDEX history_conversation ON history (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX invitation_message ON invitation (first_message) WHERE first_message IS NOT NULL;
CREATE INDEX conversation_age ON conversation (created_at);

-- That a message has failed is told for longer than the message is kept, so it is said without it.
UPDATE history SET conversation = (SELECT m.conversation FROM message m WHERE m.id = history.message),
    detail = (SELECT m.client_id FROM message m WHERE m.id = history.message), message = NULL
    WHERE kind = 'messageFailed';
UPDATE event SET conversation = (SELECT m.conversation FROM message m WHERE m.id = event.message),
    detail = (SELECT m.client_id FROM message m WHERE m.id = event.message), message = NULL
    WHERE kind = 'messageFailed';
