-- What came to a person before they answered an invitation is found by the message and by the invitation.
CREATE INDEX history_message ON history (message) WHERE message IS NOT NULL;
CREATE INDEX history_invitation ON history (invitation) WHERE invitation IS NOT NULL;
