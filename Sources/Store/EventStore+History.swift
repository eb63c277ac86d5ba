/// Writing the history of configurations (docs/plan-and-apply.md): generations, the files they need,
/// and the ends of modules.
extension EventStore {
  /// Records that modules have ended, those that have not ended already.
  ///
  /// - Parameters:
  ///   - names: Nil is all that should not run: what a crash or a stop has left to be recorded.
  ///   - change: The first generation of the order that ended them; nil when this is the first.
  /// - Returns: The number of the first end; nil when there was none to record.
  package func endModules(
    _ names: [String]?, by requester: String, action: String, change: Int64?, nowMs: Int64
  ) async throws(StoreError) -> Int64? {
    try await write { connection throws(StoreError) in
      try connection.endModules(
        names, by: requester, action: action, change: change, nowMs: nowMs)
    }
  }

  /// Deletes generations, and of documents and files what no other generation needs.
  package func forgetGenerations(
    _ generations: [Int64], hold: HoldWatch
  ) async throws(StoreError) {
    try await write(hold) { connection throws(StoreError) in
      try connection.forgetGenerations(generations)
    }
  }
}

extension WriterConnection {
  /// The generation of a module's content: the one it has, or a new one.
  func generation(
    _ record: ModuleRecord, module: Int64
  ) throws(StoreError) -> (number: Int64, isNew: Bool) {
    let current = try connection.prepare(
      """
      SELECT g.generation FROM modules AS m JOIN generations AS g ON g.generation = m.generation
      WHERE m.key = ?1 AND g.content_hash = ?2 AND NOT g.ended
      """)
    current.bind(1, module)
    current.bind(2, record.contentHash)
    let isKnown = try current.step(doing: "find the generation")
    let known = isKnown ? current.int64(0) : nil
    while isKnown, try current.step(doing: "find the generation") {}
    try keepDocument(record)
    if let known {
      try setReading(record, of: known)
      return (known, false)
    }
    let number = try insertGeneration(
      module: module, contentHash: record.contentHash, by: record.loadedBy,
      action: record.action, change: record.change, reading: record.reading, nowMs: record.nowMs)
    return (number, true)
  }

  /// The same content may have been written down another way: by an older orgloop, with its keys in
  /// another order.
  private func keepDocument(_ record: ModuleRecord) throws(StoreError) {
    let document = try connection.prepare(
      """
      INSERT INTO documents (hash, content) VALUES (?1, ?2)
      ON CONFLICT (hash) DO UPDATE SET content = excluded.content
        WHERE content <> excluded.content
      """)
    document.bind(1, record.contentHash)
    document.bind(2, text: record.documents)
    try document.run(doing: "store the configuration")
    guard !record.captured.isEmpty else { return }
    let link = try connection.prepare(
      "INSERT OR IGNORE INTO document_files (document, file) VALUES (?1, ?2)")
    let file = try connection.prepare(
      "INSERT OR IGNORE INTO captured_files (hash, content) VALUES (?1, ?2)")
    for (hash, content) in record.captured.sorted(by: { $0.key < $1.key }) {
      link.bind(1, record.contentHash)
      link.bind(2, hash)
      try link.run(doing: "store the configuration")
      link.reset()
      guard let content else { continue }
      file.bind(1, hash)
      file.bind(2, blob: content)
      try file.run(doing: "store a script or prompt")
      file.reset()
    }
  }

  private func setReading(
    _ record: ModuleRecord, of generation: Int64
  ) throws(StoreError) {
    let update = try connection.prepare(
      "UPDATE generations SET reading = ?2 WHERE generation = ?1 AND reading IS NOT ?2")
    update.bind(1, generation)
    update.bind(2, text: record.reading)
    try update.run(doing: "store how a configuration was read")
  }

  private func insertGeneration(
    module: Int64, contentHash: String, by requester: String, action: String?, change: Int64?,
    reading: [UInt8]?, ended: Bool = false, nowMs: Int64
  ) throws(StoreError) -> Int64 {
    let insert = try connection.prepare(
      """
      INSERT INTO generations (
        module, content_hash, applied_at_ms, applied_by, action, change, reading, ended
      )
      VALUES (
        ?1, ?2, ?3, ?4, ?5, coalesce(?6, (SELECT coalesce(max(generation), 0) + 1 FROM generations)),
        ?7, ?8
      )
      RETURNING generation
      """)
    // Without a number of its own a row gets one more than the largest.
    // Source: <https://www.sqlite.org/autoinc.html>
    insert.bind(1, module)
    insert.bind(2, contentHash)
    insert.bind(3, nowMs)
    insert.bind(4, requester)
    insert.bind(5, action)
    insert.bind(6, change)
    insert.bind(7, text: reading)
    insert.bind(8, Int64(ended ? 1 : 0))
    let generation = try onlyKey(insert)
    let update = try connection.prepare("UPDATE modules SET generation = ?2 WHERE key = ?1")
    update.bind(1, module)
    update.bind(2, generation)
    try update.run(doing: "set the generation of a module")
    return generation
  }

  fileprivate func endModules(
    _ names: [String]?, by requester: String, action: String, change: Int64?, nowMs: Int64
  ) throws(StoreError) -> Int64? {
    let query = try connection.prepare(
      """
      SELECT m.key, g.content_hash, g.reading
      FROM modules AS m JOIN generations AS g ON g.generation = m.generation
      WHERE NOT g.ended AND CASE
        WHEN ?1 IS NULL THEN m.desired = 'removed'
        ELSE m.name IN (SELECT value FROM json_each(?1))
      END
      ORDER BY m.name
      """)
    query.bind(1, names.map(textList))
    var ended: [(module: Int64, hash: String, reading: [UInt8]?)] = []
    while try query.step(doing: "find the modules that have ended") {
      ended.append((query.int64(0), query.text(1), query.optionalTextBytes(2)))
    }
    var first: Int64?
    for module in ended {
      let number = try insertGeneration(
        module: module.module, contentHash: module.hash, by: requester, action: action,
        change: change ?? first, reading: module.reading, ended: true, nowMs: nowMs)
      first = first ?? number
    }
    return first
  }

  fileprivate func forgetGenerations(_ generations: [Int64]) throws(StoreError) {
    let list = numberList(generations)
    var hashes: [String] = []
    let query = try connection.prepare(
      """
      SELECT DISTINCT content_hash FROM generations
      WHERE generation IN (SELECT value FROM json_each(?1))
      """)
    query.bind(1, list)
    while try query.step(doing: "read old configurations") { hashes.append(query.text(0)) }
    for sql in SQL.forgetGenerations {
      let forget = try connection.prepare(sql)
      forget.bind(1, list)
      try forget.run(doing: "delete old configurations")
    }
    for sql in SQL.forgetDocuments {
      let forget = try connection.prepare(sql)
      forget.bind(1, textList(hashes))
      try forget.run(doing: "delete old configurations")
    }
  }
}

/// What the history asks and deletes; by a key or an index but for what says otherwise.
extension SQL {
  /// Index generations_module: modules with more generations than are kept in any case.
  package static let crowdedHistory = """
    SELECT EXISTS (SELECT 1 FROM generations GROUP BY module HAVING count(*) > ?1)
    """

  /// A pass over all generations, made only when a module has more than are kept: those beyond the
  /// newest of their module that were replaced before the oldest event came.
  package static let oldGenerations = """
    SELECT generation FROM (
      SELECT
        generation,
        row_number() OVER (PARTITION BY module ORDER BY generation DESC) AS place,
        lead(applied_at_ms) OVER (PARTITION BY module ORDER BY generation) AS replaced_at_ms
      FROM generations
    )
    WHERE place > ?1 AND replaced_at_ms + ?2 < coalesce(
      (SELECT accepted_at_ms FROM events ORDER BY sequence LIMIT 1), ?3)
    ORDER BY generation
    LIMIT ?4
    """

  /// Primary keys.
  static let forgetGenerations = [
    """
    UPDATE modules SET history_from = (
      SELECT min(generation) FROM generations AS g WHERE g.module = modules.key
    )
    WHERE history_from IS NULL AND key IN (
      SELECT module FROM generations WHERE generation IN (SELECT value FROM json_each(?1))
    )
    """,
    "DELETE FROM generations WHERE generation IN (SELECT value FROM json_each(?1))",
  ]

  /// Primary keys, and indexes generations_content and document_files_file.
  static let forgetDocuments = [
    """
    DELETE FROM documents
    WHERE hash IN (SELECT value FROM json_each(?1))
      AND NOT EXISTS (SELECT 1 FROM generations WHERE content_hash = documents.hash)
    """,
    """
    DELETE FROM captured_files
    WHERE hash IN (
      SELECT f.file FROM document_files AS f
      WHERE f.document IN (SELECT value FROM json_each(?1))
        AND NOT EXISTS (SELECT 1 FROM documents AS d WHERE d.hash = f.document)
    ) AND NOT EXISTS (
      SELECT 1 FROM document_files AS f JOIN documents AS d ON d.hash = f.document
      WHERE f.file = captured_files.hash
    )
    """,
    """
    DELETE FROM document_files
    WHERE document IN (SELECT value FROM json_each(?1))
      AND NOT EXISTS (SELECT 1 FROM documents WHERE hash = document_files.document)
    """,
  ]
}
