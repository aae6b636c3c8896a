-- One row per world. Its epoch is the newest writer's; every write names its own and is refused
-- when this one is newer. Hashes are unsigned 64-bit numbers in two's complement.
CREATE TABLE world (
    name         TEXT    NOT NULL PRIMARY KEY,
    epoch        INTEGER NOT NULL,
    content_hash INTEGER NOT NULL,
    build        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- The manifest of a checkpoint: what its parts are. It is written with them in one transaction.
CREATE TABLE checkpoint (
    world        TEXT    NOT NULL REFERENCES world (name),
    epoch        INTEGER NOT NULL,
    tick         INTEGER NOT NULL,
    digest       INTEGER NOT NULL,
    content_hash INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    part_list    BLOB    NOT NULL,
    crc32        INTEGER NOT NULL,
    PRIMARY KEY (world, epoch, tick)
) STRICT, WITHOUT ROWID;

-- With a rowid: large blobs belong outside the key's tree.
CREATE TABLE checkpoint_part (
    world TEXT    NOT NULL,
    epoch INTEGER NOT NULL,
    tick  INTEGER NOT NULL,
    zone  INTEGER NOT NULL,
    bytes BLOB    NOT NULL,
    PRIMARY KEY (world, epoch, tick, zone)
) STRICT;
