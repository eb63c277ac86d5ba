package import Store

/// Which moment of the history somebody means: `@12`, `@running` (or `@`), `@-1`.
package enum HistoryPlace: Sendable, Hashable {
  /// After the order that made this generation was carried out.
  case generation(Int64)
  /// After so many orders less than all; 0 is now.
  case ordersBack(Int64)

  /// - Returns: Nil for a text that names no moment.
  package init?(_ text: String) {
    guard text.hasPrefix("@") else { return nil }
    switch text.dropFirst() {
    case "", "running": self = .ordersBack(0)
    case let rest where rest.hasPrefix("-"):
      guard let count = Int64(rest.dropFirst()), count > 0 else { return nil }
      self = .ordersBack(count)
    case let rest:
      guard rest.allSatisfy(\.isASCII), rest.allSatisfy(\.isNumber), let number = Int64(rest),
        number > 0
      else { return nil }
      self = .generation(number)
    }
  }
}

extension HistoryPlace {
  /// As it is written.
  package var text: String {
    switch self {
    case .generation(let number): "@\(number)"
    case .ordersBack(0): "@running"
    case .ordersBack(let count): "@-\(count)"
    }
  }
}

/// One entry of the history: a configuration that a module got, or its end.
package struct HistoryEntry: Sendable {
  package let number: Int64
  package let module: String
  package let appliedAtMs: Int64
  package let appliedBy: String
  /// `start`, `apply`, `rollback @12`, …; nil for what an older orgloop has stored.
  package let action: String?
  /// The first generation of the same order.
  package let change: Int64
  /// With this number the module ended; its content is what it had last.
  package let hasEnded: Bool
  package let contentHash: String
  /// The documents as they were written, without secrets.
  package let documents: JSONText
  /// How they were read; nil for what an older orgloop has stored: that cannot be read again.
  package let reading: JSONObject?

  /// Named by the boot manifest, or the boot project itself.
  package var isFromBoot: Bool { reading?["boot"]?.bool ?? false }

  /// The directory of the project that it was read with; nil for what an older orgloop has stored.
  package var projectRoot: String? { reading?["project_root"]?.string }

  init(_ row: GenerationRow) {
    number = row.number
    module = row.module
    appliedAtMs = row.appliedAtMs
    appliedBy = row.appliedBy
    action = row.action
    change = row.change
    hasEnded = row.hasEnded
    contentHash = row.contentHash
    documents = JSONText(checked: row.documents ?? Array("{}".utf8))
    reading = row.reading.flatMap { JSONText(checked: $0).value().object }
  }

  /// SHA-256 in hexadecimal of scripts and prompts, by the names of their files.
  package var captured: [String: String] {
    let members = documents.value()["captured"]?.object?.members ?? []
    return Dictionary(
      members.compactMap { member in member.value.string.map { (member.key, $0) } },
      uniquingKeysWith: { first, _ in first })
  }
}

/// Every configuration that was ever at work, as far as it is kept (docs/plan-and-apply.md).
package struct ConfigurationHistory: Sendable {
  private let reader: StoreReader

  package init(_ reader: StoreReader) { self.reader = reader }

  /// The last generation of the order that a moment follows.
  ///
  /// - Throws: ``EngineError`` `.notFound` when there is none.
  package func last(of place: HistoryPlace) async throws(EngineError) -> Int64 {
    let found = try await wrapping { () throws(StoreError) in
      switch place {
      case .generation(let number): try await reader.lastOfChange(number)
      case .ordersBack(let count): try await reader.lastGeneration(ordersBack: count)
      }
    }
    if let found { return found }
    let what =
      switch place {
      case .generation(let number): "there is no generation \(number)"
      case .ordersBack(0): "nothing has ever run on this database"
      case .ordersBack(let count): "the history does not go back \(count) changes"
      }
    throw EngineError(.notFound, what, hint: "orgloop config log shows what there is")
  }

  /// For each module that was there then its configuration; by module.
  ///
  /// - Parameter last: From ``last(of:)``.
  package func modules(at last: Int64) async throws(EngineError) -> [HistoryEntry] {
    let rows = try await wrapping { () throws(StoreError) in
      try await reader.state(upTo: last)
    }
    return rows.filter { !$0.hasEnded }.map(HistoryEntry.init)
  }

  /// The numbers of the configurations that modules have now; empty when nothing has ever run.
  package func current() async throws(EngineError) -> Set<Int64> {
    let rows = try await wrapping { () throws(StoreError) in
      try await reader.state(upTo: .max)
    }
    return Set(rows.filter { !$0.hasEnded }.map(\.number))
  }

  /// The newest entries, each with what is different from the one before it in its module.
  ///
  /// - Parameter module: Nil is all.
  package func log(
    module: String?, limit: Int
  ) async throws(EngineError) -> [(entry: HistoryEntry, summary: GenerationSummary)] {
    let page = try await wrapping { () throws(StoreError) in
      try await reader.generations(module: module, upTo: .max, limit: limit)
    }
    return page.rows.map { row in
      let entry = HistoryEntry(row)
      return (
        entry, GenerationSummary(entry, after: page.before[row.number].map(HistoryEntry.init))
      )
    }
  }

  /// The name that a module's name or alias means; nil for nil.
  ///
  /// - Throws: ``EngineError`` `.moduleNotFound`.
  package func moduleName(_ given: String?) async throws -> String? {
    try await reader.moduleName(given)
  }

  /// Scripts and prompts by their hashes; those that are not kept are left out.
  package func files(
    _ hashes: some Sequence<String>
  ) async throws(EngineError) -> [String: [UInt8]] {
    let hashes = Array(Set(hashes)).sorted()
    return try await wrapping { () throws(StoreError) in try await reader.capturedFiles(hashes) }
  }

  private func wrapping<Value>(
    _ body: () async throws(StoreError) -> Value
  ) async throws(EngineError) -> Value {
    do throws(StoreError) {
      return try await body()
    } catch {
      throw EngineError(opening: error)
    }
  }
}
