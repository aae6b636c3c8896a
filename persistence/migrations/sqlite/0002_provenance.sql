-- What the world was computed from, by name; opaque here. Empty in rows from before.
ALTER TABLE checkpoint ADD COLUMN provenance TEXT NOT NULL DEFAULT '';
