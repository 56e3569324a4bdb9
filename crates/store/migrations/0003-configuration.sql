-- The configuration objects of the original. A row here is an object at a scope; what it does not mention in the
-- next table is as by default.
CREATE TABLE configuration (
    object TEXT NOT NULL,
    scope  TEXT NOT NULL,
    PRIMARY KEY (object, scope)
) STRICT, WITHOUT ROWID;

-- A parameter is its words: one, or as many as a list has. A name that this release does not know is left alone.
CREATE TABLE configuration_value (
    object   TEXT NOT NULL,
    scope    TEXT NOT NULL,
    name     TEXT NOT NULL,
    position INTEGER NOT NULL,
    word     TEXT NOT NULL,
    PRIMARY KEY (object, scope, name, position),
    FOREIGN KEY (object, scope) REFERENCES configuration ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE mobility_policy_grant (
    account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    scope   TEXT NOT NULL
) STRICT;
CREATE INDEX mobility_policy_grant_scope ON mobility_policy_grant (scope);

-- A box that woke phones goes on doing so.
INSERT INTO configuration
    SELECT 'PushNotificationConfiguration', 'global' WHERE EXISTS (SELECT 1 FROM apns_settings);
INSERT INTO configuration_value
    SELECT 'PushNotificationConfiguration', 'global', 'EnableApplePushNotificationService', 0, 'True'
    WHERE EXISTS (SELECT 1 FROM apns_settings);
