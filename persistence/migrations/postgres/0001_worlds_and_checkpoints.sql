-- One row per world. Its epoch is the newest writer's; every write names its own and is refused
-- when this one is newer. Hashes are unsigned 64-bit numbers in two's complement.
CREATE TABLE world (
    name         TEXT   NOT NULL PRIMARY KEY,
    epoch        BIGINT NOT NULL,
    content_hash BIGINT NOT NULL,
    build        TEXT   NOT NULL
);

-- The manifest of a checkpoint: what its parts are. It is written with them in one transaction.
CREATE TABLE checkpoint (
    world        TEXT   NOT NULL REFERENCES world (name),
    epoch        BIGINT NOT NULL,
    tick         BIGINT NOT NULL,
    digest       BIGINT NOT NULL,
    content_hash BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    part_list    BYTEA  NOT NULL,
    crc32        BIGINT NOT NULL,
    PRIMARY KEY (world, epoch, tick)
);

CREATE TABLE checkpoint_part (
    world TEXT   NOT NULL,
    epoch BIGINT NOT NULL,
    tick  BIGINT NOT NULL,
    zone  BIGINT NOT NULL,
    bytes BYTEA  NOT NULL,
    PRIMARY KEY (world, epoch, tick, zone)
);
-- The parts are dense numbers: compressing them costs time in the write and saves little.
ALTER TABLE checkpoint_part ALTER COLUMN bytes SET STORAGE EXTERNAL;
