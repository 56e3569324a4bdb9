-- NT hashes, for NTLM. To whoever has one it is the password: sealed with the address of its person, and here only
-- while UseWindowsAuth asks for it.
CREATE TABLE nt_hash (
    account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    sealed  BLOB NOT NULL
) STRICT;
