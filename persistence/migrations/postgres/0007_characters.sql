-- Whom tickets name. When an account is erased its name goes; the number stays, and says nothing.
CREATE TABLE account (
    number     BIGINT NOT NULL PRIMARY KEY,
    name       TEXT UNIQUE,
    created_ms BIGINT NOT NULL,
    erased_ms  BIGINT,
    CHECK ((name IS NULL) = (erased_ms IS NOT NULL))
);

-- Who plays: the id is that of the avatar in every world, and drawn; in worlds from before these
-- tables it followed from the name. When a character is erased the id stays, and names nobody.
CREATE TABLE player_character (
    id         BIGINT NOT NULL PRIMARY KEY,
    account    BIGINT REFERENCES account (number),
    created_ms BIGINT NOT NULL,
    erased_ms  BIGINT,
    CHECK (erased_ms IS NULL OR account IS NULL)
);
CREATE INDEX player_character_of ON player_character (account);

-- The one place with the key under which a character's name is sealed wherever it is written.
-- To erase the character is to delete this row. The hash is for who comes with the name.
CREATE TABLE character_key (
    character   BIGINT NOT NULL PRIMARY KEY REFERENCES player_character (id),
    name_hash   BYTEA  NOT NULL UNIQUE CHECK (length(name_hash) = 32),
    key         BYTEA  NOT NULL CHECK (length(key) = 32),
    sealed_name BYTEA  NOT NULL CHECK (length(sealed_name) = 62)
);

-- Who has asked for what an account or character has left here, or had it erased. Only added to.
CREATE TABLE privacy_audit (
    number    BIGINT   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms     BIGINT   NOT NULL,
    by_whom   TEXT     NOT NULL CHECK (by_whom <> ''),
    deed      SMALLINT NOT NULL CHECK (deed IN (1, 2)),
    account   BIGINT,
    character BIGINT,
    CHECK (account IS NOT NULL OR character IS NOT NULL)
);
CREATE INDEX privacy_audit_of_account ON privacy_audit (account);
CREATE INDEX privacy_audit_of_character ON privacy_audit (character);
CREATE FUNCTION privacy_audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'privacy_audit is only added to'; END $$;
CREATE TRIGGER privacy_audit_stays_as_it_is BEFORE UPDATE OR DELETE OR TRUNCATE ON privacy_audit
    FOR EACH STATEMENT EXECUTE FUNCTION privacy_audit_is_only_added_to();
