-- The groups that people made.
CREATE TABLE contact_group (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    owner INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    name  TEXT NOT NULL,
    UNIQUE (owner, name)
) STRICT;

CREATE TABLE group_member (
    contact_group INTEGER NOT NULL REFERENCES contact_group ON DELETE CASCADE,
    contact       INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    PRIMARY KEY (contact_group, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_contact ON group_member (contact);

-- Everybody is in everybody's list; what somebody said of a contact beyond that. A hidden one is not in the default
-- group.
CREATE TABLE contact_mark (
    owner   INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    contact INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    mark    TEXT NOT NULL CHECK (mark IN ('pinned', 'hidden', 'delegate')),
    PRIMARY KEY (owner, contact, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_mark_contact ON contact_mark (contact, mark);
