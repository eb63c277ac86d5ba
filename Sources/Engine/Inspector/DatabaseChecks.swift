import Invariants
import Store

/// What `orgloop doctor` finds out about a database (cli-http.md 2.1).
package struct DatabaseChecks: Sendable {
  /// One thing that was looked at.
  package struct Check: Sendable {
    package enum Status: String, Sendable {
      case ok, missing, warning, error
    }

    package let name: String
    package var status: Status
    /// What was found.
    package var detail: String?
    /// What must hold.
    package var description: String?
    /// What the operator can do.
    package var hint: String?
    /// Where more is to be read.
    package var helpURL: String?
    /// How many rows break the rule, and the first of them.
    package var violations: Int?
    package var rows: [JSONValue] = []

    package init(
      name: String, status: Status = .ok, detail: String? = nil, description: String? = nil
    ) {
      self.name = name
      self.status = status
      self.detail = detail
      self.description = description
    }
  }

  /// 10: enough to see a pattern.
  package static let rowsKept = 10

  private let database: String

  package init(database: String) { self.database = database }

  // MARK: Around the file

  /// Version, place, space and log. Opens nothing but to read the schema's version.
  package func surroundings() -> [Check] {
    let facts = DatabaseFacts(path: database)
    return [
      file(facts), permissions(facts), fileSystem(facts), space(facts), log(facts), sqlite,
    ].compactMap { $0 }
  }

  private func file(_ facts: DatabaseFacts) -> Check {
    var check = Check(name: "file", detail: facts.path)
    guard let bytes = facts.bytes else {
      check.detail = "\(facts.path) is not there; orgloop start makes it"
      return check
    }
    check.detail = "\(facts.path), \(DatabaseChecks.mebibytes(bytes))"
    do throws(StoreError) {
      try StoreReader(path: database).close()
    } catch {
      check.status = .error
      check.detail = error.message
      check.hint = error.hint
    }
    return check
  }

  private func permissions(_ facts: DatabaseFacts) -> Check? {
    guard let mode = facts.mode else { return nil }
    var check = Check(name: "permissions", detail: "mode 0" + String(mode, radix: 8))
    if mode & 0o077 != 0 {
      check.status = .warning
      check.description = "the file holds all events, so it is for its owner only"
      check.hint = "chmod 600 \(facts.path)"
    } else if !facts.isWritable {
      check.status = .warning
      check.detail = "this user may not write to it"
      check.hint = "start the runtime as the owner of the file"
    }
    return check
  }

  private func fileSystem(_ facts: DatabaseFacts) -> Check {
    var check = Check(name: "file-system", detail: "local")
    if let name = facts.networkFileSystem {
      check.status = .error
      check.detail = "a network file system (\(name))"
      check.hint = "SQLite's write-ahead log needs a local disk: name one with --db"
    }
    return check
  }

  /// 8 times the reserve: with the usual 32 MiB, 256 MiB, which is some hundred thousand events.
  private static let reservesWanted: UInt64 = 8

  private func space(_ facts: DatabaseFacts) -> Check? {
    guard let free = facts.freeBytes, let reserve = facts.reserveBytes else { return nil }
    var check = Check(
      name: "free-space", detail: DatabaseChecks.mebibytes(Int64(clamping: free)) + " free")
    if free <= reserve {
      check.status = .error
      check.description = "with less than \(reserve >> 20) MiB no events are accepted"
      check.hint = "free space on the disk"
    } else if free < reserve * DatabaseChecks.reservesWanted {
      check.status = .warning
      check.hint = "free space on the disk"
    }
    return check
  }

  /// 128 MiB: four times the length at which the writer empties it.
  private static let logBytesMax: Int64 = 128 << 20

  private func log(_ facts: DatabaseFacts) -> Check {
    var check = Check(
      name: "log", detail: DatabaseChecks.mebibytes(facts.logBytes) + " write-ahead log")
    if facts.logBytes > DatabaseChecks.logBytesMax {
      check.status = .warning
      check.description = "the log cannot be emptied while somebody reads an old state of the file"
      check.hint = "end programs that hold a read transaction on it"
    }
    return check
  }

  private var sqlite: Check {
    // Not a warning: where nobody but orgloop writes, the bug cannot show itself.
    let bug = ", with the WAL-reset bug: nobody but orgloop may write to the file"
    return Check(
      name: "sqlite",
      detail: "SQLite \(SQLiteVersion.text)" + (SQLiteVersion.hasWALResetBug ? bug : ""))
  }

  private static func mebibytes(_ bytes: Int64) -> String {
    let tenths = (bytes >> 10) * 10 / 1_024
    return "\(tenths / 10).\(tenths % 10) MiB"
  }

  // MARK: Inside the file

  /// SQLite's own check, then each invariant: a read transaction each, so that a runtime that works
  /// meanwhile can empty its log in between.
  ///
  /// - Throws: ``EngineError`` when the file cannot be opened.
  package func data() async throws -> [Check] {
    let reader: StoreReader
    do throws(StoreError) {
      reader = try StoreReader(path: database)
    } catch {
      throw EngineError(opening: error)
    }
    defer { reader.close() }
    var checks = [await integrity(reader)]
    for invariant in Invariant.all { checks.append(await check(invariant, reader)) }
    return checks
  }

  private func integrity(_ reader: StoreReader) async -> Check {
    var check = Check(name: "integrity", description: "Pages and indexes of the file are sound.")
    do throws(StoreError) {
      let damage = try await reader.damage()
      guard !damage.isEmpty else { return check }
      check.violations = damage.count
      check.rows = damage.prefix(DatabaseChecks.rowsKept).map { ["damage": .string($0)] }
      check.detail = "\(damage.count) found"
    } catch {
      check.detail = error.message
    }
    check.status = .error
    check.hint = "keep the file, and start from the newest good backup"
    return check
  }

  private func check(_ invariant: Invariant, _ reader: StoreReader) async -> Check {
    var check = Check(name: invariant.name, description: invariant.rule)
    do throws(StoreError) {
      let found = try await reader.violations(of: invariant, rowsKept: DatabaseChecks.rowsKept)
      check.violations = found.rowCount
      guard found.rowCount > 0 else { return check }
      check.rows = QueryTable(found).objects.map { row in
        guard case .object(var object) = row else { return row }
        // It is the name of the check.
        object["invariant"] = nil
        return .object(object)
      }
      check.detail = found.rowCount == 1 ? "1 row" : "\(found.rowCount) rows"
    } catch {
      check.detail = error.message
    }
    check.status = .error
    check.hint = invariant.advice
    return check
  }
}
