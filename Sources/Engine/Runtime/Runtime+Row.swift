package import Store

extension Runtime {
  /// Writes the runtime row.
  package func save(_ row: RuntimeRow) async throws {
    do throws(StoreError) {
      try await store.save(row)
    } catch {
      throw EngineError(error)
    }
  }

  /// Whether the database can be written, found out by writing.
  package func canWrite(_ row: RuntimeRow) async -> Bool {
    do {
      try await save(row)
      return bus.hasRoom
    } catch {
      return false
    }
  }
}
