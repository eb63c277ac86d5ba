import ArgumentParser
import Engine
import Foundation
import ProjectConfiguration

/// `orgloop test` (cli-http.md 2.1).
struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Say what becomes of an event, or run the tests of the configuration.",
    discussion: """
      With an event (JSON in a file, or - for stdin): --dry-run goes through matching, transforms, \
      prompt and configuration, offline; without it the running runtime accepts the event, and \
      the outcome of its deliveries is awaited. Exits with 1 when nothing matched or a delivery \
      did not succeed.

      With --all or test files (YAML): runs their cases offline, each an event and what should \
      become of it. Transforms run for real. Exits with 1 when a case failed.
      """)

  @Argument(help: "An event as JSON, - for stdin; or test files or directories of them.")
  var files: [String] = []

  @Option(name: .long, help: "Print a sample event: github, linear, claude-code, webhook or cron.")
  var generate: String?
  @Flag(name: .long, help: "Offline: nothing is stored or delivered.") var dryRun = false
  @Option(name: .long, help: "Look at this route only.") var route: String?
  @Option(name: .long, help: "The module that the event is for.") var module: String?
  @Option(name: .long, help: "How long to wait for deliveries, such as 30s.")
  var timeout: String?
  @Flag(name: .long, help: "Run all test files: tests/*.yaml of the project and its modules.")
  var all = false
  @Option(
    name: .long,
    help: ArgumentHelp("Only cases whose name or file has this in it.", valueName: "text"))
  var filter: String?
  @Option(
    name: .long, help: ArgumentHelp("Write the results there, as JUnit XML.", valueName: "file"))
  var junit: String?
  @Flag(name: .long, help: "List the routes that no case matches.") var coverage = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    if let generate { return try await sample(generate) }
    guard all || files.contains(where: TestCommand.isTestFile) else { return try await testEvent() }
    try refuse(
      [("--route", route), ("--module", module), ("--timeout", timeout)], "an event")
    try refuse([("FILE", all ? files.first : nil)], "a call without --all")
    if let stray = files.first(where: { !TestCommand.isTestFile($0) }) {
      throw Failure(
        .usage, .usage, "\(stray) is no test file",
        hint: "test files end in .yaml or .yml; events are tested one by one")
    }
    try await runTests()
  }

  private static func isTestFile(_ name: String) -> Bool {
    name.hasSuffix(".yaml") || name.hasSuffix(".yml") || FileStatus.isDirectory(name)
  }

  private func refuse(_ flags: [(name: String, value: String?)], _ place: String) throws {
    guard let flag = flags.first(where: { $0.value != nil }) else { return }
    throw Failure(.usage, .usage, "\(flag.name) goes with \(place) only")
  }

  // MARK: A sample

  private func sample(_ name: String) async throws {
    try refuse([("--generate", files.isEmpty ? nil : "")], "no FILE and")
    guard EventSample.names.contains(name) else {
      throw Failure(
        .usage, .usage, "there is no sample \(name)",
        hint: "samples: " + EventSample.names.joined(separator: ", "))
    }
    let source = await projectSource(of: name)
    guard let event = EventSample.make(name, source: source) else { return }
    global.output.document(event)
  }

  /// The project's first source of that kind, so that the sample fits it; a project that cannot
  /// be read has none.
  private func projectSource(of connector: String) async -> String? {
    guard ProjectFile.resolved(global.configPath) != nil else { return nil }
    var options = LoadOptions()
    options.allowMissingEnvironment = true
    // What is wrong with the project is no matter of the sample.
    let project = try? await ProjectLoading.withCatalog { [options] in
      try $0.load(global, options: options)
    }
    return project?.modules.lazy.flatMap(\.sources).first { $0.connector == connector }?.id
  }

  // MARK: An event

  private func testEvent() async throws {
    try refuse(
      [("--filter", filter), ("--junit", junit), ("--coverage", coverage ? "" : nil)],
      "test files")
    guard files.count <= 1 else {
      throw Failure(.usage, .usage, "one event at a time", hint: "test files may be several")
    }
    let limitMs = try timeout.map { try FlagValue.durationMs($0, of: "--timeout") }
    guard !files.isEmpty || isatty(0) != 1 else {
      throw Failure(
        .usage, .usage, "name an event's file, - for stdin, or --all for the project's tests",
        hint: "orgloop test --generate webhook prints an event")
    }
    let body = try await InputFile.read(files.first ?? "-")
    let outcome: EventTestOutcome
    do {
      if dryRun {
        outcome = try await DryRun(global: global, route: route, module: module).run(body)
      } else {
        outcome = try await LiveTest(
          global: global, route: route, module: module, limitMs: limitMs ?? LiveTest.usualLimitMs
        ).run(body)
      }
    } catch {
      let failure = Failure(error)
      global.output.showDetails(of: failure)
      throw failure
    }
    global.output.result(Secrets.redact(outcome.json), Secrets.redact(outcome.text))
    if !outcome.isSuccess { throw Ended(status: .failed) }
  }

  // MARK: Test files

  private func runTests() async throws {
    let output = global.output
    let results: TestResults
    do {
      results = try await TestRun(global: global, files: all ? nil : files, filter: filter).run()
        .hiding(Secrets.redact)
    } catch {
      let failure = Failure(error)
      output.showDetails(of: failure)
      do {
        // A CI system would take a report that stands there for this run's.
        try writeReport(TestResults(failure: failure).hiding(Secrets.redact))
      } catch let unwritten as Failure {
        output.error(unwritten.message)
      }
      throw failure
    }
    try writeReport(results)
    output.result(
      Secrets.redact(results.json),
      Secrets.redact(TestText.text(results, listsUnmatched: coverage)))
    if output.isQuiet { TestText.failures(results).forEach { output.error(Secrets.redact($0)) } }
    if !results.isSuccess { throw Ended(status: .failed) }
  }

  private func writeReport(_ results: TestResults) throws {
    guard let junit else { return }
    try ReportFile.write(JUnitReport.text(results), to: Surroundings.absolute(junit))
  }
}
