-- What happened to a person in conversations, in its order. Each of their devices is told from where it stands.
CREATE TABLE history (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account      INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    at           INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    detail       TEXT,
    conversation INTEGER REFERENCES conversation ON DELETE CASCADE,
    person       INTEGER REFERENCES account ON DELETE CASCADE,
    message      INTEGER REFERENCES message ON DELETE CASCADE
) STRICT;
CREATE INDEX history_account ON history (account);
CREATE INDEX history_age ON history (at);

-- The newest line of the history that this device has acknowledged.
ALTER TABLE device ADD COLUMN history_seen INTEGER NOT NULL DEFAULT 0;
-- The line of the history that the event repeats; acknowledging the one acknowledges the other.
ALTER TABLE event ADD COLUMN history INTEGER;

-- Invitations without an answer, messages that nobody has acknowledged, and what waits in sessions.
INSERT INTO history (account, at, kind, conversation, person, message)
    SELECT account, at, kind, conversation, person, message FROM (
        SELECT p.account AS account, c.created_at AS at, 'invited' AS kind, c.id AS conversation,
            c.creator AS person, NULL AS message
        FROM participant p JOIN conversation c ON c.id = p.conversation WHERE p.participation = 'ringing'
        UNION
        SELECT d.recipient, m.sent_at, 'messageReceived', NULL, NULL, m.id
        FROM delivery d JOIN message m ON m.id = d.message
        WHERE d.delivered_at IS NULL OR EXISTS (
            SELECT 1 FROM event e JOIN session s ON s.device = e.device
            WHERE e.message = m.id AND e.kind = 'messageReceived' AND s.account = d.recipient)
    ) ORDER BY at, kind, message;
UPDATE event SET history = (
    SELECT h.id FROM history h JOIN session s ON s.account = h.account
    WHERE s.device = event.device AND h.kind = event.kind
        AND h.message IS event.message AND h.conversation IS event.conversation);
