import ArgumentParser
import Engine

/// `orgloop backup` (cli-http.md 2.5).
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy the database while it works, check the copy, then give it its name.",
    discussion: """
      The copy is the database as it was at one moment. It is checked, counted and hashed under \
      another name, and only then gets the name FILE, with mode 0600: what is there is whole. To \
      use it, stop orgloop and start it with --db FILE, or put it in the database's place.
      """)

  @Argument(help: "Where the copy goes.") var file: String
  @Flag(name: .long, help: "Replace FILE if it exists.") var force = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    guard !file.isEmpty else { throw Failure(.usage, .usage, "FILE must be a file name") }
    let database = Database(path: try global.databasePath())
    try database.requireFile()
    let begin = TimeSource.system.monotonicMs
    let backup: DatabaseBackup
    do {
      backup = try await DatabaseBackup.make(
        of: database.path, to: Surroundings.absolute(file), replacing: force)
    } catch {
      throw Failure(error)
    }
    let ms = TimeSource.system.monotonicMs - begin
    global.output.result(
      [
        "file": .string(backup.file), "bytes": JSONValue(backup.bytes),
        "sha256": .string(backup.sha256), "events": JSONValue(backup.events),
        "deliveries": JSONValue(backup.deliveries), "duration_ms": JSONValue(ms),
      ],
      """
      \(backup.file)  \(backup.bytes) bytes, \(backup.events) events, \
      \(backup.deliveries) deliveries, \(TimeText.interval(ms: ms))
      sha256 \(backup.sha256)
      """)
  }
}
