import Store
import TestSupport

extension TestFile {
  /// A file as it was before the migrations since schema 7.
  static func ofSchema7() throws -> TestFile {
    let file = try TestFile()
    try file.open().close()
    try SQLiteFile(file.path, writable: true).rows(
      """
      DROP VIEW v_paused; DROP VIEW v_deliveries; DROP VIEW unsettled;
      CREATE VIEW v_deliveries AS SELECT 1; DROP VIEW v_replays; DROP TABLE replays;
      DELETE FROM meta WHERE key IN (
        'migration 8', 'migration 9', 'migration 10', 'migration 11', 'migration 12',
        'migration 13', 'migration 14', 'migration 15'
      );
      DROP VIEW v_inbox; DROP VIEW v_audit; DROP TABLE released; DROP TABLE inbox_keys;
      DROP INDEX inbox_delivery; DROP INDEX inbox_expiring; DROP INDEX inbox_batch;
      ALTER TABLE inbox DROP COLUMN batch_max;
      DROP TABLE loops; DROP TABLE starts; ALTER TABLE lanes DROP COLUMN budget_told_ms;
      DROP TABLE selections; DROP VIEW v_runtime;
      CREATE VIEW v_runtime AS SELECT 1;
      ALTER TABLE runtime DROP COLUMN supervisor_pid;
      ALTER TABLE runtime DROP COLUMN supervisor_start;
      DROP TABLE kept_events; DROP TABLE held_keys; DROP INDEX delivered_keys_expiry;
      DROP VIEW v_generations; CREATE VIEW v_generations AS SELECT 1;
      DROP TABLE captured_files; DROP TABLE document_files;
      DROP INDEX generations_module; DROP INDEX generations_content;
      ALTER TABLE generations DROP COLUMN change; ALTER TABLE generations DROP COLUMN action;
      ALTER TABLE generations DROP COLUMN ended; ALTER TABLE generations DROP COLUMN reading;
      ALTER TABLE modules DROP COLUMN history_from;
      ALTER TABLE modules DROP COLUMN event_retention_ms;
      ALTER TABLE modules DROP COLUMN dead_letter_retention_ms;
      ALTER TABLE modules DROP COLUMN pruned_through;
      ALTER TABLE lanes DROP COLUMN gone_since_ms; DROP INDEX queue_overflow;
      ALTER TABLE lanes DROP COLUMN next_start_ms;
      ALTER TABLE routes DROP COLUMN consecutive_failures;
      ALTER TABLE routes DROP COLUMN circuit_open_until_ms; PRAGMA user_version = 7
      """)
    return file
  }
}
