-- Which workspace each project works in when no command says so (config.md 11). Kept in the default
-- workspace's database, and only there.
CREATE TABLE selections (
  -- The directory of the project file, symbolic links resolved.
  root TEXT NOT NULL PRIMARY KEY CHECK (root GLOB '/*'),
  workspace TEXT NOT NULL CHECK (workspace <> ''),
  selected_at_ms INTEGER NOT NULL,
  selected_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
