/// One entry of the history: a configuration that a module got, or its end.
package struct GenerationRow: Sendable, Hashable {
  package let number: Int64
  package let module: String
  package let appliedAtMs: Int64
  package let appliedBy: String
  /// What the order was; nil for what an older orgloop has stored.
  package let action: String?
  /// The first generation of the same order.
  package let change: Int64
  package let hasEnded: Bool
  package let contentHash: String
  /// The documents; nil when they were not asked for.
  package let documents: [UInt8]?
  /// How they were read; nil for what an older orgloop has stored.
  package let reading: [UInt8]?
}

/// Some of the history, the newest first.
package struct GenerationPage: Sendable {
  package var rows: [GenerationRow] = []
  /// By the number of a row: the row of the same module before it.
  package var before: [Int64: GenerationRow] = [:]
}

/// Reading the history of configurations.
extension StoreReader {
  /// 100: generations of a module that are kept in any case.
  package static let generationsKept = 100
  /// 1 day: how long a replaced generation is kept beyond the oldest event, because clocks jump.
  private static let generationGraceMs: Int64 = 86_400_000

  /// The newest generations, each with its documents and with the one before it in its module.
  ///
  /// - Parameters:
  ///   - module: Nil is all.
  ///   - upTo: Not those beyond it.
  package func generations(
    module: String?, upTo last: Int64, limit: Int
  ) async throws(StoreError) -> GenerationPage {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        let query = try reader.connection.prepare(
          """
          \(SQL.generationRow)
          WHERE g.generation <= ?1 AND (?2 IS NULL OR m.name = ?2)
          ORDER BY g.generation DESC LIMIT ?3
          """)
        query.bind(1, last)
        query.bind(2, module)
        query.bind(3, limit)
        var page = GenerationPage()
        while try query.step(doing: "read the history") { page.rows.append(GenerationRow(query)) }
        let before = try reader.connection.prepare(
          """
          \(SQL.generationRow)
          WHERE m.name = ?1 AND g.generation < ?2 ORDER BY g.generation DESC LIMIT 1
          """)
        for row in page.rows {
          defer { before.reset() }
          before.bind(1, row.module)
          before.bind(2, row.number)
          if try before.step(doing: "read the history") {
            page.before[row.number] = GenerationRow(before)
          }
        }
        return page
      }
    }
  }

  /// The last generation of the order that made a generation; nil when that one is not there.
  package func lastOfChange(_ generation: Int64) async throws(StoreError) -> Int64? {
    try await read { reader throws(StoreError) in
      try reader.number(
        """
        SELECT max(generation) FROM generations
        WHERE generation >= ?1
          AND change = (SELECT change FROM generations WHERE generation = ?1)
        """, generation)
    }
  }

  /// The last generation of the order that came so many orders before the newest; nil when there
  /// were not as many.
  package func lastGeneration(ordersBack count: Int64) async throws(StoreError) -> Int64? {
    try await read { reader throws(StoreError) in
      try reader.number(
        """
        SELECT max(generation) FROM generations GROUP BY change
        ORDER BY 1 DESC LIMIT 1 OFFSET ?1
        """, count)
    }
  }

  /// For each module its newest generation up to a number, ends included; by module.
  ///
  /// - Throws: ``StoreError`` `.limit` when what a module had then is not kept any more.
  package func state(upTo last: Int64) async throws(StoreError) -> [GenerationRow] {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        let lost = try reader.connection.prepare(
          """
          SELECT name FROM modules AS m
          WHERE history_from <= ?1
            AND NOT EXISTS (
              SELECT 1 FROM generations AS g WHERE g.module = m.key AND g.generation <= ?1
            )
          LIMIT 1
          """)
        lost.bind(1, last)
        if try lost.step(doing: "read the history") {
          throw StoreError(
            .limit, "what module \(lost.text(0)) had at generation \(last) is not kept any more",
            hint: "orgloop config log shows what there is")
        }
        let query = try reader.connection.prepare(
          """
          \(SQL.generationRow)
          WHERE g.generation IN (
            SELECT max(generation) FROM generations WHERE generation <= ?1 GROUP BY module
          )
          ORDER BY m.name
          """)
        query.bind(1, last)
        var rows: [GenerationRow] = []
        while try query.step(doing: "read the history") { rows.append(GenerationRow(query)) }
        return rows
      }
    }
  }

  /// Scripts and prompts by their hashes; those that are not kept are left out.
  package func capturedFiles(_ hashes: [String]) async throws(StoreError) -> [String: [UInt8]] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT hash, content FROM captured_files
        WHERE hash IN (SELECT value FROM json_each(?1))
        """)
      query.bind(1, textList(hashes))
      var files: [String: [UInt8]] = [:]
      while try query.step(doing: "read scripts and prompts") {
        files[query.text(0)] = query.blob(1)
      }
      return files
    }
  }

  /// Generations that may be deleted: beyond the newest of their module, and replaced before the
  /// oldest event that is stored, so that nothing stored refers to them.
  package func oldGenerations(nowMs: Int64, limit: Int) async throws(StoreError) -> [Int64] {
    try await read { reader throws(StoreError) in
      guard try reader.number(SQL.crowdedHistory, Int64(StoreReader.generationsKept)) == 1 else {
        return []
      }
      let query = try reader.connection.prepare(SQL.oldGenerations)
      query.bind(1, StoreReader.generationsKept)
      query.bind(2, StoreReader.generationGraceMs)
      query.bind(3, nowMs)
      query.bind(4, limit)
      var old: [Int64] = []
      while try query.step(doing: "look for old configurations") { old.append(query.int64(0)) }
      return old
    }
  }
}

extension ReaderConnection {
  fileprivate func number(_ sql: String, _ value: Int64) throws(StoreError) -> Int64? {
    let query = try connection.prepare(sql)
    query.bind(1, value)
    return try query.step(doing: "read the history") ? query.optionalInt64(0) : nil
  }
}

extension SQL {
  /// Primary keys, and index generations_module where a module is named.
  fileprivate static let generationRow = """
    SELECT
      g.generation, m.name, g.applied_at_ms, g.applied_by, g.action,
      coalesce(g.change, g.generation), g.ended, g.content_hash, d.content, g.reading
    FROM generations AS g
      JOIN modules AS m ON m.key = g.module
      JOIN documents AS d ON d.hash = g.content_hash
    """
}

extension GenerationRow {
  fileprivate init(_ row: borrowing Statement) {
    self.init(
      number: row.int64(0), module: row.text(1), appliedAtMs: row.int64(2),
      appliedBy: row.text(3), action: row.optionalText(4), change: row.int64(5),
      hasEnded: row.int64(6) != 0, contentHash: row.text(7),
      documents: row.optionalTextBytes(8), reading: row.optionalTextBytes(9))
  }
}
