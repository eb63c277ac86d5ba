-- The history of configurations (docs/plan-and-apply.md): what it takes to read a generation again
-- without its files, which generations one order made, and when a module ended.

-- Scripts and prompts as they were, the same content once (config.md 1.3).
CREATE TABLE captured_files (
  -- SHA-256 in hexadecimal.
  hash TEXT NOT NULL PRIMARY KEY,
  content BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Which of them a configuration needs; without a row in captured_files it was too large to keep.
CREATE TABLE document_files (
  document TEXT NOT NULL REFERENCES documents (hash),
  file TEXT NOT NULL,
  PRIMARY KEY (document, file)
) STRICT, WITHOUT ROWID;

CREATE INDEX document_files_file ON document_files (file);

-- The first generation of the order that made this one: its own number, or an earlier one.
ALTER TABLE generations ADD COLUMN change INTEGER;

-- What the order was: start, apply, rollback @12, load, reload, unload, undo.
ALTER TABLE generations ADD COLUMN action TEXT;

-- 1: with this number the module ended. Its content is what it had last.
ALTER TABLE generations ADD COLUMN ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1));

-- How the documents were read, as JSON: paths, parameters, hashes of literal credentials. Null for
-- what an older orgloop has stored, which can be shown and not be read again.
ALTER TABLE generations ADD COLUMN reading TEXT;

CREATE INDEX generations_module ON generations (module, generation);

CREATE INDEX generations_content ON generations (content_hash);

UPDATE generations SET change = generation;

-- The first generation of a module, once older ones than the kept ones have been deleted.
ALTER TABLE modules ADD COLUMN history_from INTEGER;

DROP VIEW v_generations;

CREATE VIEW v_generations AS
SELECT
  g.generation,
  m.name AS module,
  strftime('%Y-%m-%dT%H:%M:%fZ', g.applied_at_ms / 1000.0, 'unixepoch') AS applied_at,
  g.content_hash,
  g.applied_by AS "by",
  g.action,
  g.change,
  g.ended
FROM generations AS g JOIN modules AS m ON m.key = g.module;
