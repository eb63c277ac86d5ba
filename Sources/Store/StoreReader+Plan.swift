/// What a plan is compared with when no runtime runs.
extension StoreReader {
  /// The key that this file's hashes of substituted values are made with; nil before its first
  /// runtime has drawn one.
  package func hashKey() async throws(StoreError) -> [UInt8]? {
    try await read { reader throws(StoreError) in
      try reader.connection.text(
        "SELECT value FROM meta WHERE key = 'hash_key'", doing: "read the hash key of the database"
      ).map { Array($0.utf8) }
    }
  }

  /// The content hash of each module's last generation, by the module's name.
  package func contentHashes() async throws(StoreError) -> [String: String] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT m.name, g.content_hash
        FROM modules AS m JOIN generations AS g ON g.generation = m.generation
        """)
      var hashes: [String: String] = [:]
      while try query.step(doing: "read the generations") { hashes[query.text(0)] = query.text(1) }
      return hashes
    }
  }
}
