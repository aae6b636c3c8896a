-- The journal's segments, byte by byte as they lie on their writer's disk, cut into pieces that end
-- where a record ends. A piece is what the one before it leads on to: none is there without it.
CREATE TABLE journal_chunk (
    world      TEXT    NOT NULL REFERENCES world (name),
    epoch      INTEGER NOT NULL,
    first_tick INTEGER NOT NULL,
    start      INTEGER NOT NULL CHECK (start >= 0),
    ends       INTEGER NOT NULL,
    through    INTEGER NOT NULL,
    crc32      INTEGER NOT NULL,
    bytes      BLOB    NOT NULL,
    follows    INTEGER GENERATED ALWAYS AS (NULLIF(start, 0)) STORED,
    PRIMARY KEY (world, epoch, first_tick, start),
    UNIQUE (world, epoch, first_tick, ends),
    FOREIGN KEY (world, epoch, first_tick, follows)
        REFERENCES journal_chunk (world, epoch, first_tick, ends),
    CHECK (ends > start AND ends - start = length(bytes))
) STRICT;
-- For the check that nothing follows what is deleted.
CREATE INDEX journal_chunk_follows ON journal_chunk (world, epoch, first_tick, follows);
