ALTER TABLE conversation ADD COLUMN thread TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN importance TEXT NOT NULL DEFAULT 'normal';
UPDATE conversation SET thread = name;

-- One may miss an invitation too.
ALTER TABLE participant RENAME TO participant_before;
CREATE TABLE participant (
    conversation  INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    account       INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    participation TEXT NOT NULL
                  CHECK (participation IN ('ringing', 'connected', 'declined', 'left', 'missed')),
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;
INSERT INTO participant SELECT conversation, account, participation FROM participant_before;
DROP TABLE participant_before;
CREATE INDEX participant_account ON participant (account, participation);

CREATE TABLE invitation (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    conversation  INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    inviter       INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    invited       INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    operation     TEXT,
    first_message INTEGER REFERENCES message ON DELETE SET NULL,
    state         TEXT NOT NULL DEFAULT 'ringing'
                  CHECK (state IN ('ringing', 'accepted', 'declined', 'cancelled', 'missed')),
    reason        TEXT,
    answered_by   INTEGER REFERENCES device ON DELETE SET NULL,
    begun_at      INTEGER NOT NULL,
    -- A device that can be woken moves it to the end of its notification.
    deadline      INTEGER NOT NULL,
    -- Whether the person invited knows that they have missed it.
    missed_read   INTEGER NOT NULL DEFAULT 0 CHECK (missed_read IN (0, 1))
) STRICT;
CREATE INDEX invitation_conversation ON invitation (conversation);
CREATE INDEX invitation_inviter ON invitation (inviter);
CREATE INDEX invitation_invited ON invitation (invited, state);
-- Nobody is asked twice at the same time.
CREATE UNIQUE INDEX invitation_ringing ON invitation (conversation, invited) WHERE state = 'ringing';
CREATE INDEX invitation_deadline ON invitation (deadline) WHERE state = 'ringing';

-- Every conversation so far began with one; those without an answer wait as long as a notification would.
INSERT INTO invitation (name, conversation, inviter, invited, first_message, state, begun_at, deadline)
    SELECT c.name, c.id, c.creator, p.account,
        (SELECT min(m.id) FROM message m WHERE m.conversation = c.id AND m.sender = c.creator
            AND m.sent_at = c.created_at),
        CASE p.participation WHEN 'ringing' THEN 'ringing' WHEN 'declined' THEN 'declined' ELSE 'accepted' END,
        c.created_at, c.created_at + 259200000
    FROM conversation c JOIN participant p ON p.conversation = c.id AND p.account <> c.creator;

ALTER TABLE history ADD COLUMN invitation INTEGER REFERENCES invitation ON DELETE CASCADE;
ALTER TABLE event ADD COLUMN invitation INTEGER REFERENCES invitation ON DELETE CASCADE;
UPDATE history SET kind = 'invited', invitation =
    (SELECT i.id FROM invitation i WHERE i.conversation = history.conversation) WHERE kind IN ('invited', 'inviting');
UPDATE event SET kind = 'invited', invitation =
    (SELECT i.id FROM invitation i WHERE i.conversation = event.conversation) WHERE kind IN ('invited', 'inviting');
