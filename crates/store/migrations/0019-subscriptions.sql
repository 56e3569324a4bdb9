-- Whom a session follows for a while, under a name of its own.
CREATE TABLE timed_subscription (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    device  INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    name    TEXT NOT NULL,
    -- A group of the person's list, or `list` for all of it; NULL: people one by one.
    follows TEXT,
    ends_at INTEGER NOT NULL,
    warned  INTEGER NOT NULL DEFAULT 0 CHECK (warned IN (0, 1)),
    UNIQUE (device, name)
) STRICT;

-- Whom a session follows; without a `timed` one until it goes to the background.
CREATE TABLE subscription_with_end (
    device  INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    timed   INTEGER REFERENCES timed_subscription ON DELETE CASCADE
) STRICT;
INSERT INTO subscription_with_end (device, account) SELECT device, account FROM subscription;
DROP TABLE subscription;
ALTER TABLE subscription_with_end RENAME TO subscription;
CREATE UNIQUE INDEX subscription_device ON subscription (device, account, ifnull(timed, 0));
CREATE INDEX subscription_account ON subscription (account);
CREATE INDEX subscription_timed ON subscription (timed);
