-- Every migration that made the file is recorded in it.
--
-- A migration was made in part, or the file was changed by another program. Restore a backup.
SELECT 'migrations_recorded' AS invariant, v.user_version AS schema,
  (SELECT count(*) FROM meta WHERE key GLOB 'migration *') AS recorded
FROM pragma_user_version AS v
WHERE v.user_version <> (SELECT count(*) FROM meta WHERE key GLOB 'migration *');
