import ArgumentParser
import Engine

/// `orgloop sql` (cli-http.md 2.5).
struct SQLCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql",
    abstract: "Ask the database in SQL; read-only, with a time limit.",
    discussion: """
      One statement that reads. The views (v_events, v_deliveries, …) are documented and stay; \
      tables may change. Without a query it is read from stdin.
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table, json, csv, jsonl
  }

  @Argument(help: "The query; nothing or - reads stdin.") var query: String?
  @Option(name: .long, help: "How rows are printed; --json is the same as json.")
  var format: Format?
  @Option(name: .long, help: "End the query after this long, such as 30s; at most 1h.")
  var timeout = "10s"

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let limitMs = try FlagValue.durationMs(timeout, of: "--timeout")
    guard (1...3_600_000).contains(limitMs) else {
      throw Failure(.usage, .usage, "--timeout must be 1ms to 1h")
    }
    guard !global.json || format == nil || format == .json else {
      throw Failure(.usage, .usage, "--json is --format json, and no other")
    }
    let database = Database(path: try global.databasePath())
    try database.requireFile()
    let sql = try await text()
    do {
      show(try await DatabaseQuery.run(sql, database: database.path, limitMs: limitMs))
    } catch {
      throw Failure(error)
    }
  }

  private func text() async throws -> String {
    if let query, query != "-" { return query }
    return String(decoding: try await InputFile.read("-"), as: UTF8.self)
  }

  /// Formats for programs are printed with `--quiet` too: who names one wants it.
  private func show(_ table: QueryTable) {
    let output = global.output
    switch format ?? (global.json ? .json : .table) {
    case .table: output.result(.null, QueryText.table(table))
    case .json: output.document(.array(table.objects))
    case .csv: output.write(QueryText.csv(table), to: .standardOutput)
    case .jsonl: output.write(QueryText.lines(table), to: .standardOutput)
    }
  }
}
