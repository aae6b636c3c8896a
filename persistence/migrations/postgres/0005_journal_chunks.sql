-- The journal's segments, byte by byte as they lie on their writer's disk, cut into pieces that end
-- where a record ends. A piece is what the one before it leads on to: none is there without it.
CREATE TABLE journal_chunk (
    world      TEXT   NOT NULL REFERENCES world (name),
    epoch      BIGINT NOT NULL,
    first_tick BIGINT NOT NULL,
    start      BIGINT NOT NULL CHECK (start >= 0),
    ends       BIGINT NOT NULL,
    through    BIGINT NOT NULL,
    crc32      BIGINT NOT NULL,
    bytes      BYTEA  NOT NULL,
    follows    BIGINT GENERATED ALWAYS AS (NULLIF(start, 0)) STORED,
    PRIMARY KEY (world, epoch, first_tick, start),
    UNIQUE (world, epoch, first_tick, ends),
    FOREIGN KEY (world, epoch, first_tick, follows)
        REFERENCES journal_chunk (world, epoch, first_tick, ends),
    CHECK (ends > start AND ends - start = length(bytes))
);
-- For the check that nothing follows what is deleted.
CREATE INDEX journal_chunk_follows ON journal_chunk (world, epoch, first_tick, follows);
-- Dense numbers: compressing them costs time in the write and saves little.
ALTER TABLE journal_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
