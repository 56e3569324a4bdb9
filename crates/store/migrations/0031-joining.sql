-- What began at once is among nobody's plans.
ALTER TABLE meeting ADD COLUMN ad_hoc INTEGER NOT NULL DEFAULT 0 CHECK (ad_hoc IN (0, 1));
-- The meeting that it was is over for everybody.
ALTER TABLE conversation ADD COLUMN ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1));
-- The first invitation to a conversation asks for it, later ones ask people in; who joins asks nobody but themselves.
ALTER TABLE invitation ADD COLUMN kind TEXT NOT NULL DEFAULT 'conversation'
    CHECK (kind IN ('conversation', 'participant', 'join'));
UPDATE invitation SET kind = 'participant' WHERE id > (
    SELECT min(earlier.id) FROM invitation earlier WHERE earlier.conversation = invitation.conversation);
