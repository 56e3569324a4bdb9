-- A third person was asked: it stays a conversation of several, whoever is left in it.
ALTER TABLE conversation ADD COLUMN conference INTEGER NOT NULL DEFAULT 0 CHECK (conference IN (0, 1));
