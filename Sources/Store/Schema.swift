import CSQLite
import Migrations

/// Brings the file to the version of this binary.
struct Schema {
  /// `orgl` in ASCII: `file` and other tools can tell whose database this is.
  static let applicationID: Int64 = 0x6F72_676C

  /// 8192 bytes: 19 % more whole lives a second than 4096 at batch 100 (design.md 4).
  static let pageSize = 8_192

  private let connection: Connection
  private let migrations: [Migrations.Migration]

  init(_ connection: Connection, migrations: [Migrations.Migration] = Migrations.all) {
    self.connection = connection
    self.migrations = migrations
  }

  /// Refuses a file that this binary must not touch, before anything is written to it: another
  /// program's, one with a newer schema, one made by another build.
  ///
  /// - Throws: ``StoreError`` `.notADatabase`, `.newerSchema`, `.alteredSchema`.
  func refuseForeign() throws(StoreError) {
    let doing = "read the schema version"
    let version = Int(try connection.integer("PRAGMA user_version", doing: doing) ?? 0)
    let application = try connection.integer("PRAGMA application_id", doing: doing) ?? 0
    let isEmpty =
      try connection.integer("SELECT count(*) FROM sqlite_schema", doing: doing) ?? 0 == 0
    // A new file, or one whose making was cut off, has neither tables nor marks.
    if isEmpty, version == 0, application == 0 { return }
    guard application == Schema.applicationID else {
      throw StoreError(
        .notADatabase, "this SQLite file belongs to another program",
        hint: "name another file with --db")
    }
    let newest = migrations.last?.version ?? 0
    guard version <= newest else {
      throw StoreError(
        .newerSchema,
        "the database has schema \(version); this orgloop knows schemas up to \(newest)",
        hint: "install the newer orgloop, or restore a backup made before the upgrade")
    }
    try verifyChecksums(upTo: version)
  }

  /// Settings that hold only if they are made before the first table: page size and vacuum mode;
  /// then the rest, on every open. Each is read back, because SQLite ignores what it cannot do.
  func configure(
    pageSize: Int = Schema.pageSize, durability: EventStore.Durability = .full
  ) throws(StoreError) {
    let doing = "set up the database"
    if try connection.integer("PRAGMA page_count", doing: doing) ?? 0 == 0 {
      try connection.execute("PRAGMA page_size = \(pageSize)", doing: doing)
      try connection.execute("PRAGMA auto_vacuum = INCREMENTAL", doing: doing)
    }
    let mode = try connection.text("PRAGMA journal_mode = WAL", doing: doing)
    guard mode == "wal" else {
      throw StoreError(
        .inputOutput, "the database cannot use a write-ahead log (mode \(mode ?? "none"))",
        hint: "the file system must offer shared memory: name another disk with --db")
    }
    // FULL: an accepted event survives a power cut.
    for (name, value) in [("synchronous", durability.rawValue)] + Schema.settings {
      try connection.execute("PRAGMA \(name) = \(value)", doing: doing)
      let actual = try connection.integer("PRAGMA \(name)", doing: doing)
      guard actual == value else {
        throw StoreError(
          .other, "PRAGMA \(name) is \(actual.map(String.init) ?? "unset"), not \(value)")
      }
    }
  }

  private static let settings: [(String, Int64)] = [
    ("wal_autocheckpoint", 0),  // the writer checkpoints between groups, so that no commit stalls
    ("journal_size_limit", 64 << 20),
    ("cache_size", -16_384),  // 16 MiB
    ("foreign_keys", 0),  // rows of the hot path name rows by numbers that are never deleted
    ("mmap_size", 0),  // the WAL-reset rules of reliability.md 1
    ("temp_store", 2),
  ]

  /// Runs the migrations that the file has not seen, all in one transaction: after a crash the
  /// file has the old schema or the new one, never something between.
  /// Follows ``refuseForeign()``.
  func migrate() throws(StoreError) {
    let version = Int(
      try connection.integer("PRAGMA user_version", doing: "read the schema version") ?? 0)
    let newest = migrations.last?.version ?? 0
    guard version < newest else { return }
    try connection.execute("BEGIN IMMEDIATE", doing: "migrate the database")
    do throws(StoreError) {
      for migration in migrations where migration.version > version {
        try apply(migration)
      }
      CrashPoint.migrationApplied.reached()
      try connection.execute(
        "PRAGMA user_version = \(newest); PRAGMA application_id = \(Schema.applicationID)",
        doing: "migrate the database")
      try connection.execute("COMMIT", doing: "migrate the database")
      CrashPoint.migrationCommitted.reached()
    } catch {
      // The first error says what went wrong; a failing rollback only leaves what a crash would.
      try? connection.execute("ROLLBACK", doing: "undo the migration")
      throw error
    }
  }

  /// Refuses a file that this binary cannot read: another program's, or a newer schema. An older
  /// schema is refused too, because only the writer migrates.
  func refuseUnreadable() throws(StoreError) {
    let doing = "read the schema version"
    let version = Int(try connection.integer("PRAGMA user_version", doing: doing) ?? 0)
    guard try connection.integer("PRAGMA application_id", doing: doing) == Schema.applicationID
    else {
      let tables = try connection.integer("SELECT count(*) FROM sqlite_schema", doing: doing)
      guard tables != 0 else { throw StoreError(.empty, "the database has no tables yet") }
      throw StoreError(
        .notADatabase, "this is not an orgloop database", hint: "name another file with --db")
    }
    let newest = migrations.last?.version ?? 0
    guard version == newest else {
      throw StoreError(
        .newerSchema,
        "the database has schema \(version); this orgloop reads schema \(newest)",
        hint: version < newest
          ? "orgloop start brings it up to date" : "install the newer orgloop")
    }
  }

  private func apply(_ migration: Migrations.Migration) throws(StoreError) {
    try connection.execute(
      String(decoding: migration.sql, as: UTF8.self), doing: "apply \(migration.name)")
    let record = try connection.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")
    record.bind(1, "migration \(migration.version)")
    record.bind(2, Schema.checksum(migration.sql))
    try record.run(doing: "record \(migration.name)")
  }

  private func verifyChecksums(upTo version: Int) throws(StoreError) {
    let query = try connection.prepare("SELECT value FROM meta WHERE key = ?1")
    for migration in migrations where migration.version <= version {
      query.bind(1, "migration \(migration.version)")
      let found = try query.step(doing: "verify the schema") ? query.text(0) : nil
      query.reset()
      guard found == Schema.checksum(migration.sql) else {
        throw StoreError(
          .alteredSchema, "migration \(migration.name) in the database is not this orgloop's",
          hint: "the file was made by another build; use that build, or another file with --db")
      }
    }
  }

  /// FNV-1a, 64 bits: it guards against mistakes, not against people who can edit the file.
  static func checksum(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return String(hash, radix: 16)
  }

  /// The key of this file's hashes of substituted values (config.md 3.3): 32 random bytes, drawn
  /// once, so that equal secrets in two files cannot be told to be equal, and a weak one cannot be
  /// guessed without the file.
  func hashKey(random: () -> UInt64) throws(StoreError) -> [UInt8] {
    let doing = "read the hash key of the database"
    let query = "SELECT value FROM meta WHERE key = 'hash_key'"
    if let text = try connection.text(query, doing: doing) { return Array(text.utf8) }
    let digits = (0..<4).map { _ in
      let part = String(random(), radix: 16)
      return String(repeating: "0", count: 16 - part.utf8.count) + part
    }
    let insert = try connection.prepare("INSERT INTO meta (key, value) VALUES ('hash_key', ?1)")
    insert.bind(1, digits.joined())
    try insert.run(doing: "store the hash key of the database")
    return Array(digits.joined().utf8)
  }

  /// The numbers that this file's ids are made with; drawn once, at creation.
  func identity(random: () -> UInt64) throws(StoreError) -> Identity {
    let doing = "read the node of the database"
    if let base = try connection.integer("SELECT base FROM node", doing: doing),
      let middle = try connection.text("SELECT middle FROM node", doing: doing),
      let high = Int64(middle.dropFirst(), radix: 16)
    {
      return Identity(node: high << 6 | (base >> 56 & 0x3F))
    }
    let identity = Identity(node: Int64(random() & 0x3FFFF))
    let insert = try connection.prepare(
      "INSERT INTO node (id, middle, base) VALUES (1, ?1, ?2)")
    insert.bind(1, identity.middle)
    insert.bind(2, identity.base)
    try insert.run(doing: "store the node of the database")
    return identity
  }
}
