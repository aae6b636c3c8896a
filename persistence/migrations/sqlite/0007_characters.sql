-- Whom tickets name. When an account is erased its name goes; the number stays, and says nothing.
CREATE TABLE account (
    number     INTEGER NOT NULL PRIMARY KEY,
    name       TEXT UNIQUE,
    created_ms INTEGER NOT NULL,
    erased_ms  INTEGER,
    CHECK ((name IS NULL) = (erased_ms IS NOT NULL))
) STRICT;

-- Who plays: the id is that of the avatar in every world, and drawn; in worlds from before these
-- tables it followed from the name. When a character is erased the id stays, and names nobody.
CREATE TABLE player_character (
    id         INTEGER NOT NULL PRIMARY KEY,
    account    INTEGER REFERENCES account (number),
    created_ms INTEGER NOT NULL,
    erased_ms  INTEGER,
    CHECK (erased_ms IS NULL OR account IS NULL)
) STRICT;
CREATE INDEX player_character_of ON player_character (account);

-- The one place with the key under which a character's name is sealed wherever it is written.
-- To erase the character is to delete this row. The hash is for who comes with the name.
CREATE TABLE character_key (
    character   INTEGER NOT NULL PRIMARY KEY REFERENCES player_character (id),
    name_hash   BLOB    NOT NULL UNIQUE CHECK (length(name_hash) = 32),
    key         BLOB    NOT NULL CHECK (length(key) = 32),
    sealed_name BLOB    NOT NULL CHECK (length(sealed_name) = 62)
) STRICT;

-- Who has asked for what an account or character has left here, or had it erased. Only added to.
CREATE TABLE privacy_audit (
    number    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_ms     INTEGER NOT NULL,
    by_whom   TEXT    NOT NULL CHECK (by_whom <> ''),
    deed      INTEGER NOT NULL CHECK (deed IN (1, 2)),
    account   INTEGER,
    character INTEGER,
    CHECK (account IS NOT NULL OR character IS NOT NULL)
) STRICT;
CREATE INDEX privacy_audit_of_account ON privacy_audit (account);
CREATE INDEX privacy_audit_of_character ON privacy_audit (character);
CREATE TRIGGER privacy_audit_stays_as_it_is BEFORE UPDATE ON privacy_audit
BEGIN SELECT RAISE(ABORT, 'privacy_audit is only added to'); END;
CREATE TRIGGER privacy_audit_stays BEFORE DELETE ON privacy_audit
BEGIN SELECT RAISE(ABORT, 'privacy_audit is only added to'); END;
