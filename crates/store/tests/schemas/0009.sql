-- The database of schema 9 as a small office left it.
PRAGMA journal_mode = WAL;
PRAGMA application_id = 0x466c6d72;
PRAGMA user_version = 9;
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE account (
    id            INTEGER PRIMARY KEY,
    uri           TEXT NOT NULL UNIQUE,
    domain        TEXT NOT NULL,
    display_name  TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    note          TEXT NOT NULL DEFAULT '',
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL
, homed_at TEXT) STRICT;
INSERT INTO "account" VALUES(1,'sip:anna@office.test','office.test','Anna','hash','at lunch',0,1700000000000,NULL);
INSERT INTO "account" VALUES(2,'sip:ben@office.test','office.test','Ben','hash','',0,1700000000000,'https://lyncdiscover.pool.test/root');
CREATE TABLE acme_challenge (
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name, value)
) STRICT, WITHOUT ROWID;
INSERT INTO "acme_challenge" VALUES('_acme-challenge.web.office.test','proof');
CREATE TABLE acme_order (
    id         INTEGER PRIMARY KEY CHECK (id = 1) REFERENCES acme_settings ON DELETE CASCADE,
    url        TEXT NOT NULL,
    names      TEXT NOT NULL,
    challenge  TEXT NOT NULL,
    sealed_key BLOB NOT NULL
) STRICT;
INSERT INTO "acme_order" VALUES(1,'https://acme.test/order/1','web.office.test','dns-01',X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE acme_settings (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    directory      TEXT NOT NULL,
    contact        TEXT NOT NULL,
    trust_anchors  TEXT,
    challenge      TEXT,
    sealed_account BLOB,
    -- An administrator wants a new certificate, whatever is left of the old one.
    asked          INTEGER NOT NULL DEFAULT 0 CHECK (asked IN (0, 1)),
    -- Since the last success.
    failures       INTEGER NOT NULL DEFAULT 0,
    failed_at      INTEGER,
    problem        TEXT,
    CHECK ((failed_at IS NULL) = (problem IS NULL))
) STRICT;
INSERT INTO "acme_settings" VALUES(1,'https://acme.test/dir','it@office.test',NULL,'dns-01',X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',0,1,1700000000000,'refused');
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
INSERT INTO "apns_settings" VALUES(1,'production','test.office','TEAM000001','KEY0000001',NULL,X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',NULL);
CREATE TABLE certificate (
    source     TEXT PRIMARY KEY CHECK (source IN ('uploaded', 'acme')),
    chain_pem  TEXT NOT NULL,
    sealed_key BLOB NOT NULL,
    kept_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "certificate" VALUES('uploaded','-----BEGIN CERTIFICATE-----',X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',1700000000000);
CREATE TABLE certificate_choice (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    source TEXT NOT NULL CHECK (source IN ('own', 'uploaded', 'acme'))
) STRICT;
INSERT INTO "certificate_choice" VALUES(1,'uploaded');
CREATE TABLE configuration (
    object TEXT NOT NULL,
    scope  TEXT NOT NULL,
    PRIMARY KEY (object, scope)
) STRICT, WITHOUT ROWID;
INSERT INTO "configuration" VALUES('McxConfiguration','global');
INSERT INTO "configuration" VALUES('MobilityPolicy','tag:Visitors');
INSERT INTO "configuration" VALUES('WebServiceConfiguration','site:office.test');
CREATE TABLE configuration_value (
    object   TEXT NOT NULL,
    scope    TEXT NOT NULL,
    name     TEXT NOT NULL,
    position INTEGER NOT NULL,
    word     TEXT NOT NULL,
    PRIMARY KEY (object, scope, name, position),
    FOREIGN KEY (object, scope) REFERENCES configuration ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "configuration_value" VALUES('McxConfiguration','global','ExposedWebURL',0,'Internal');
INSERT INTO "configuration_value" VALUES('MobilityPolicy','tag:Visitors','EnableMobility',0,'False');
INSERT INTO "configuration_value" VALUES('WebServiceConfiguration','site:office.test','UseWindowsAuth',0,'NTLM');
CREATE TABLE conversation (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    creator    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "conversation" VALUES(1,'c1',2,1700000000000);
CREATE TABLE custom_zone (
    content TEXT NOT NULL CHECK (content IN ('records', 'zone')),
    apex    TEXT NOT NULL,
    sides   TEXT NOT NULL CHECK (sides IN ('inside', 'outside', 'both')),
    text    TEXT NOT NULL CHECK (text <> ''),
    PRIMARY KEY (content, apex, sides)
) STRICT, WITHOUT ROWID;
INSERT INTO "custom_zone" VALUES('records','office.test','both','printer 300 IN A 192.168.1.9');
CREATE TABLE custom_zone_before (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    content TEXT NOT NULL CHECK (content IN ('records', 'zone')),
    apex    TEXT NOT NULL,
    sides   TEXT NOT NULL CHECK (sides IN ('inside', 'outside', 'both')),
    text    TEXT NOT NULL
) STRICT;
INSERT INTO "custom_zone_before" VALUES(1,'records','office.test','both','');
CREATE TABLE delivery (
    message      INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    recipient    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    delivered_at INTEGER,
    PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;
INSERT INTO "delivery" VALUES(1,1,NULL);
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
INSERT INTO "device" VALUES(1,1,'endpoint','phone','apns','00fc13adff785122',1700000000000);
CREATE TABLE dnssec (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    made_at INTEGER NOT NULL
) STRICT;
INSERT INTO "dnssec" VALUES(1,1700000000000);
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
INSERT INTO "event" VALUES(1,1,'invited',NULL,NULL,1,2,NULL);
INSERT INTO "event" VALUES(1,2,'messageReceived',NULL,NULL,NULL,NULL,1);
CREATE TABLE inside_network (
    network TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO "inside_network" VALUES('10.0.0.0/8');
INSERT INTO "inside_network" VALUES('127.0.0.0/8');
INSERT INTO "inside_network" VALUES('169.254.0.0/16');
INSERT INTO "inside_network" VALUES('172.16.0.0/12');
INSERT INTO "inside_network" VALUES('192.168.0.0/16');
INSERT INTO "inside_network" VALUES('::1/128');
INSERT INTO "inside_network" VALUES('fc00::/7');
INSERT INTO "inside_network" VALUES('fe80::/10');
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
INSERT INTO "message" VALUES(1,1,2,'m1','lunch?',1700000000000);
CREATE TABLE mobility_policy_grant (
    account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    scope   TEXT NOT NULL
) STRICT;
INSERT INTO "mobility_policy_grant" VALUES(2,'tag:Visitors');
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
INSERT INTO "notification" VALUES(1,1,1,NULL,'message-1','pending',0,0,1700000000000,1700259200000);
CREATE TABLE nt_hash (
    account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    sealed  BLOB NOT NULL
) STRICT;
INSERT INTO "nt_hash" VALUES(1,X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE office (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    set_up_at  INTEGER NOT NULL,
    https_port INTEGER NOT NULL,
    sip_port   INTEGER NOT NULL
, mode TEXT NOT NULL DEFAULT 'office-only'
    CHECK (mode IN ('records-at-provider', 'delegated', 'office-only')), web_host TEXT NOT NULL DEFAULT 'web') STRICT;
INSERT INTO "office" VALUES(1,5,1700000000000,443,5061,'office-only','web');
CREATE TABLE office_address (
    side    TEXT NOT NULL CHECK (side IN ('inside', 'outside')),
    address TEXT NOT NULL,
    PRIMARY KEY (side, address)
) STRICT, WITHOUT ROWID;
INSERT INTO "office_address" VALUES('inside','192.168.1.2');
CREATE TABLE participant (
    conversation  INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    account       INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    participation TEXT NOT NULL CHECK (participation IN ('ringing', 'connected', 'declined', 'left')),
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;
INSERT INTO "participant" VALUES(1,1,'ringing');
INSERT INTO "participant" VALUES(1,2,'connected');
CREATE TABLE push_ledger (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL REFERENCES notification ON DELETE CASCADE,
    at           INTEGER NOT NULL,
    step         TEXT NOT NULL,
    detail       TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "push_ledger" VALUES(1,1,1700000000000,'queued','');
CREATE TABLE resolver (
    position INTEGER PRIMARY KEY,
    address  TEXT NOT NULL
) STRICT;
INSERT INTO "resolver" VALUES(0,'192.168.1.1:53');
CREATE TABLE secondary (
    name          TEXT PRIMARY KEY,
    address       TEXT NOT NULL,
    side          TEXT NOT NULL CHECK (side IN ('inside', 'outside')),
    key_name      TEXT UNIQUE,
    key_algorithm TEXT,
    sealed_secret BLOB,
    CHECK ((key_name IS NULL) = (key_algorithm IS NULL)),
    CHECK ((key_name IS NULL) = (sealed_secret IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO "secondary" VALUES('elsewhere','192.0.2.53:53','outside','elsewhere.key','hmac-sha256',X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
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
INSERT INTO "session" VALUES(1,'sid',1,'background',3500,2,1700000000000,1700000000000);
CREATE TABLE sip_domain (
    position INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "sip_domain" VALUES(1,'office.test');
CREATE TABLE subscription (
    device  INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    PRIMARY KEY (device, account)
) STRICT, WITHOUT ROWID;
INSERT INTO "subscription" VALUES(1,2);
CREATE TABLE ticket (
    digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),
    account    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    device     INTEGER REFERENCES device ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "ticket" VALUES(X'0000000000000000000000000000000000000000000000000000000000000000',1,1,1700000000000);
CREATE TABLE zone_key (
    apex       TEXT PRIMARY KEY,
    sealed_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "zone_key" VALUES('office.test',X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
CREATE INDEX account_domain ON account (domain);
CREATE UNIQUE INDEX device_push ON device (push_provider, push_token) WHERE push_token IS NOT NULL;
CREATE INDEX ticket_account ON ticket (account);
CREATE INDEX ticket_expiry ON ticket (expires_at);
CREATE INDEX session_account ON session (account);
CREATE INDEX subscription_account ON subscription (account);
CREATE INDEX participant_account ON participant (account, participation);
CREATE INDEX delivery_waiting ON delivery (recipient, message) WHERE delivered_at IS NULL;
CREATE INDEX notification_due ON notification (due_at) WHERE state = 'pending';
CREATE INDEX push_ledger_notification ON push_ledger (notification);
CREATE INDEX mobility_policy_grant_scope ON mobility_policy_grant (scope);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('message',1);
INSERT INTO "sqlite_sequence" VALUES('notification',1);
INSERT INTO "sqlite_sequence" VALUES('push_ledger',1);
COMMIT;
