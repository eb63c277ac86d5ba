import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop doctor` (cli-http.md 2.1).
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check the project, what it needs, and the database; changes nothing.",
    discussion: """
      Exits with 0 when all is well, 1 when something is not, 78 when the configuration is \
      invalid. The configuration is only looked at where there is a project.
      """)

  @Flag(
    name: .long,
    help: "Also check what is in the database: SQLite's integrity check, and every invariant.")
  var data = false
  @Flag(name: .long, help: "Ask no other machine.") var offline = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let database = Database(path: try global.databasePath())
    let exists = try database.exists()
    if data { try database.requireFile() }
    let project = try await loadedProject()
    let checks = DatabaseChecks(database: database.path)
    var report = DoctorReport(project: project)
    if let project { await add(project, to: &report, running: try await runningAddress()) }
    report.add(checks.surroundings(), category: "database")
    // A file that cannot be opened has been reported by now.
    if data, exists, !report.hasErrors(of: "file") {
      do {
        report.add(try await checks.data(), category: "database")
      } catch {
        throw Failure(error)
      }
    }
    let output = global.output
    output.result(report.json, report.text)
    if report.isInvalid { throw Ended(status: .configuration) }
    if !report.isWell { throw Ended(status: .failed) }
  }

  private func add(
    _ project: LoadedProject, to report: inout DoctorReport, running: String?
  ) async {
    let checks = ProjectChecks(project: project)
    report.add(checks.graph(), category: "route-graph")
    report.add(checks.credentials(), category: "credential")
    report.add(checks.dependencies(), category: "dependency")
    report.add([PortCheck.check(project.settings, running: running)], category: "service")
    guard !offline else { return }
    report.add(await ServiceChecks(project: project).checks(), category: "service")
  }

  /// Where the runtime of the database listens; nil when none answers.
  private func runningAddress() async throws -> String? {
    let database = try global.databasePath()
    return try await RuntimeClient.withRuntime(of: database) { client in
      guard client != nil else { return nil }
      // The row is there as long as the runtime is; what it cannot say does not matter here.
      return (try? await Database(path: database).lastRuntime())?.httpAddress ?? "its socket"
    }
  }

  private func loadedProject() async throws -> LoadedProject? {
    guard global.configPath != nil || ProjectFile.resolved(nil) != nil else { return nil }
    return try await ProjectLoading.withCatalog { loading in try loading.load(global) }
  }
}
