-- What was said in one conversation is asked for.
CREATE INDEX message_conversation ON message (conversation);
