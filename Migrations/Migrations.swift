/// The SQL that makes the file, oldest first. A released migration never changes: the store keeps
/// each one's checksum in the file and refuses to open on a mismatch (style.md rule 29).
package enum Migrations {
  /// One step of the schema.
  package struct Migration: Sendable {
    /// The version of the file after this migration, `PRAGMA user_version`.
    package let version: Int
    package let name: String
    package let sql: [UInt8]
  }

  /// In the order in which they run.
  package static let all: [Migration] = [
    Migration(version: 1, name: "0001_events", sql: PackageResources._001_events_sql),
    Migration(version: 2, name: "0002_deliveries", sql: PackageResources._002_deliveries_sql),
    Migration(version: 3, name: "0003_runtime", sql: PackageResources._003_runtime_sql),
    Migration(version: 4, name: "0004_event_views", sql: PackageResources._004_event_views_sql),
    Migration(
      version: 5, name: "0005_delivery_views", sql: PackageResources._005_delivery_views_sql),
    Migration(
      version: 6, name: "0006_runtime_views", sql: PackageResources._006_runtime_views_sql),
    Migration(version: 7, name: "0007_modules", sql: PackageResources._007_modules_sql),
    Migration(
      version: 8, name: "0008_module_views", sql: PackageResources._008_module_views_sql),
    Migration(version: 9, name: "0009_breakers", sql: PackageResources._009_breakers_sql),
    Migration(version: 10, name: "0010_replays", sql: PackageResources._010_replays_sql),
    Migration(version: 11, name: "0011_guard", sql: PackageResources._011_guard_sql),
    Migration(version: 12, name: "0012_retention", sql: PackageResources._012_retention_sql),
    Migration(version: 13, name: "0013_history", sql: PackageResources._013_history_sql),
    Migration(version: 14, name: "0014_selections", sql: PackageResources._014_selections_sql),
    Migration(version: 15, name: "0015_supervisor", sql: PackageResources._015_supervisor_sql),
  ]
}
