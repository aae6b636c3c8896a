-- How the parts are stored: 1 as they are, 2 packed. And when the writer's clock said it was taken,
-- milliseconds since 1970 (UTC); 0 where nobody noted it.
ALTER TABLE checkpoint ADD COLUMN format BIGINT NOT NULL DEFAULT 1;
ALTER TABLE checkpoint ADD COLUMN taken_ms BIGINT NOT NULL DEFAULT 0;
