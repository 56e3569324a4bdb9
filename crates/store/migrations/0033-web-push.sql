-- Web Push (RFC 8030): what a device has beside its address, and how the box speaks to the services.
ALTER TABLE device ADD COLUMN push_p256dh TEXT;
ALTER TABLE device ADD COLUMN push_auth TEXT;
CREATE TABLE web_push_settings (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    -- NULL: nobody is woken this way. The key stays, because devices have subscribed for it.
    contact       TEXT,
    private_hosts TEXT NOT NULL,
    trust_anchors TEXT,
    public_key    TEXT NOT NULL,
    sealed_key    BLOB NOT NULL
) STRICT;
