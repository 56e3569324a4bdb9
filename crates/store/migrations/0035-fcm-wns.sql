-- How the box speaks to Firebase Cloud Messaging and to Windows Push Notification Services.
CREATE TABLE fcm_settings (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    endpoint       TEXT NOT NULL,
    sealed_account BLOB NOT NULL,
    trust_anchors  TEXT
) STRICT;
CREATE TABLE wns_settings (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    package_sid    TEXT NOT NULL,
    sealed_secret  BLOB NOT NULL,
    token_endpoint TEXT NOT NULL,
    channel_domain TEXT NOT NULL,
    trust_anchors  TEXT
) STRICT;
