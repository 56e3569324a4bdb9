-- The database of schema 1 as a small office left it.
PRAGMA journal_mode = WAL;
PRAGMA application_id = 0x466c6d72;
PRAGMA user_version = 1;
-- Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE office (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    set_up_at  INTEGER NOT NULL,
    https_port INTEGER NOT NULL,
    sip_port   INTEGER NOT NULL
) STRICT;

CREATE TABLE sip_domain (
    position INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE office_address (
    side    TEXT NOT NULL CHECK (side IN ('inside', 'outside')),
    address TEXT NOT NULL,
    PRIMARY KEY (side, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id            INTEGER PRIMARY KEY,
    uri           TEXT NOT NULL UNIQUE,
    domain        TEXT NOT NULL,
    display_name  TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    note          TEXT NOT NULL DEFAULT '',
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX account_domain ON account (domain);

CREATE TABLE device (
    id              INTEGER PRIMARY KEY,
    account         INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    endpoint        TEXT NOT NULL,
    name            TEXT NOT NULL,
    push_provider   TEXT,
    push_token      TEXT,
    push_registered INTEGER,
    UNIQUE (account, endpoint),
    CHECK ((push_provider IS NULL) = (push_token IS NULL)),
    CHECK ((push_provider IS NULL) = (push_registered IS NULL))
) STRICT;
-- A phone that is handed on wakes for its new owner only.
CREATE UNIQUE INDEX device_push ON device (push_provider, push_token) WHERE push_token IS NOT NULL;

-- Only the SHA-256 of a ticket is kept: who reads the database can not sign in with it.
CREATE TABLE ticket (
    digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),
    account    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    device     INTEGER REFERENCES device ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_account ON ticket (account);
CREATE INDEX ticket_expiry ON ticket (expires_at);

-- A device has one session at most: signing in again ends the one before, with what it had not fetched.
CREATE TABLE session (
    device       INTEGER PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    sid          TEXT NOT NULL UNIQUE,
    account      INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    activity     TEXT NOT NULL CHECK (activity IN ('foreground', 'background')),
    availability INTEGER NOT NULL,
    last_event   INTEGER NOT NULL DEFAULT 0,
    last_seen    INTEGER NOT NULL,
    started_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX session_account ON session (account);

CREATE TABLE subscription (
    device  INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    PRIMARY KEY (device, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_account ON subscription (account);

CREATE TABLE conversation (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    creator    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE participant (
    conversation  INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    account       INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    participation TEXT NOT NULL CHECK (participation IN ('ringing', 'connected', 'declined', 'left')),
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX participant_account ON participant (account, participation);

CREATE TABLE message (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    sender       INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    client_id    TEXT NOT NULL,
    text         TEXT NOT NULL,
    sent_at      INTEGER NOT NULL,
    -- The sender's name for a message is its identity: sending it again is the same message.
    UNIQUE (sender, client_id)
) STRICT;

CREATE TABLE delivery (
    message      INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    recipient    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    delivered_at INTEGER,
    PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_waiting ON delivery (recipient, message) WHERE delivered_at IS NULL;

-- What a session has not acknowledged yet. People and messages are looked up when the event is read.
CREATE TABLE event (
    device       INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    eid          INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    request      TEXT,
    detail       TEXT,
    conversation INTEGER REFERENCES conversation ON DELETE CASCADE,
    person       INTEGER REFERENCES account ON DELETE CASCADE,
    message      INTEGER REFERENCES message ON DELETE CASCADE,
    PRIMARY KEY (device, eid)
) STRICT, WITHOUT ROWID;

CREATE TABLE notification (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    device     INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
    message    INTEGER REFERENCES message ON DELETE CASCADE,
    request    TEXT,
    collapse   TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'pending'
               CHECK (state IN ('pending', 'accepted', 'dropped', 'unneeded')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    -- A worker has it and has not said what came of it; it is due again when the lease ends.
    claimed    INTEGER NOT NULL DEFAULT 0 CHECK (claimed IN (0, 1)),
    due_at     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (message, device),
    CHECK ((message IS NULL) <> (request IS NULL))
) STRICT;
CREATE INDEX notification_due ON notification (due_at) WHERE state = 'pending';

CREATE TABLE push_ledger (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL REFERENCES notification ON DELETE CASCADE,
    at           INTEGER NOT NULL,
    step         TEXT NOT NULL,
    detail       TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX push_ledger_notification ON push_ledger (notification);

CREATE TABLE apns_settings (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    endpoint      TEXT NOT NULL,
    topic         TEXT NOT NULL,
    team_id       TEXT,
    key_id        TEXT,
    chain_pem     TEXT,
    sealed_key    BLOB NOT NULL,
    trust_anchors TEXT,
    CHECK ((team_id IS NULL) = (key_id IS NULL)),
    CHECK ((team_id IS NULL) <> (chain_pem IS NULL))
) STRICT;

INSERT INTO office VALUES (1, 3, 1700000000000, 443, 5061);
INSERT INTO sip_domain VALUES (1, 'office.test');
INSERT INTO office_address VALUES ('inside', '192.168.1.2');
INSERT INTO account VALUES (1, 'sip:anna@office.test', 'office.test', 'Anna', 'hash', 'at lunch', 0, 1700000000000);
INSERT INTO account VALUES (2, 'sip:ben@office.test', 'office.test', 'Ben', 'hash', '', 0, 1700000000000);
INSERT INTO device VALUES (1, 1, 'endpoint', 'phone', 'apns', '00fc13adff785122', 1700000000000);
INSERT INTO ticket VALUES (zeroblob(32), 1, 1, 1700000000000);
INSERT INTO session VALUES (1, 'sid', 1, 'background', 3500, 2, 1700000000000, 1700000000000);
INSERT INTO conversation VALUES (1, 'c1', 2, 1700000000000);
INSERT INTO participant VALUES (1, 1, 'ringing');
INSERT INTO participant VALUES (1, 2, 'connected');
INSERT INTO message VALUES (1, 1, 2, 'm1', 'lunch?', 1700000000000);
INSERT INTO delivery VALUES (1, 1, NULL);
INSERT INTO event VALUES (1, 1, 'invited', NULL, NULL, 1, 2, NULL);
INSERT INTO event VALUES (1, 2, 'messageReceived', NULL, NULL, NULL, NULL, 1);
INSERT INTO notification VALUES (1, 1, 1, NULL, 'message-1', 'pending', 0, 0, 1700000000000, 1700259200000);
INSERT INTO push_ledger VALUES (1, 1, 1700000000000, 'queued', '');
