/// That a route's events are stored for collection (config.md 8).
package struct InboxPolicy: Sendable, Hashable {
  /// How long an entry waits.
  package var ttlMs: Int64
  /// Most entries that one drain gives.
  package var batchMax: Int

  package init(ttlMs: Int64 = 3_600_000, batchMax: Int = 100) {
    self.ttlMs = ttlMs
    self.batchMax = batchMax
  }
}
