import Engine
import Foundation
import ProjectConfiguration

/// Runs test files: `orgloop test --all`, `orgloop test tests/x.yaml`.
struct TestRun {
  let global: GlobalOptions
  /// Files and directories of them; nil runs all that the project has.
  let files: [String]?
  let filter: String?

  /// - Throws: ``Failure``: 78 for the configuration, 1 where there is nothing to run.
  func run() async throws -> TestResults {
    let time = TimeSource.system
    let beganMs = time.monotonicMs
    return try await ProjectLoading.withCatalog(guardsChildren: true) { loading in
      let settings = TestSettings(loading: loading, global: global)
      let project = try settings.project()
      project.noteUnsetVariables(on: global.output)
      let found = try paths(of: project, loading)
      let read = found.map { loading.loader(LoadOptions()).readTests($0, of: project) }
      var jobs = read.enumerated().flatMap { index, file in
        file.cases.map { Job(file: index, testCase: $0) }
      }
      if let filter {
        jobs = jobs.filter { job in
          job.testCase.name.localizedCaseInsensitiveContains(filter)
            || read[job.file].path.localizedCaseInsensitiveContains(filter)
        }
      }
      guard !jobs.isEmpty || read.contains(where: \.hasErrors) else { throw nothing(found) }
      let outcomes = await TestRun.outcomes(of: try settings.prepare(jobs))
      var results = TestResults(
        files: read.map { .init(path: $0.path, diagnostics: $0.diagnostics, cases: []) },
        routes: Rehearsal(project, catalog: loading.catalog).routes.map {
          ($0.name, $0.route.origin)
        },
        matched: [], durationMs: 0)
      for outcome in outcomes {
        results.files[outcome.file].cases.append(outcome.result)
        results.matched.formUnion(outcome.matched)
      }
      if filter != nil { results.files.removeAll { $0.cases.isEmpty && !$0.hasErrors } }
      results.durationMs = time.monotonicMs - beganMs
      return results
    }
  }

  private func nothing(_ found: [String]) -> Failure {
    if let filter, !found.isEmpty {
      return Failure(.notFound, .failed, "no test has \"\(EventTestText.safe(filter))\" in it")
    }
    return Failure(
      .notFound, .failed,
      found.isEmpty ? "there are no test files" : "the test files have no tests",
      hint: "tests/*.yaml beside the configuration; docs/testing.md says what is in them")
  }

  private func paths(of project: LoadedProject, _ loading: ProjectLoading) throws -> [String] {
    let loader = loading.loader(LoadOptions())
    guard let files else { return loader.testFiles(of: project) }
    return try files.flatMap { name in
      let path = Surroundings.absolute(name)
      guard FileStatus.exists(path) else {
        throw Failure(.inputOutput, .inputOutput, "cannot read \(name)")
      }
      return FileStatus.isDirectory(path) ? loader.testFiles(in: path) : [path]
    }
  }

  // MARK: The cases

  /// A case and the file that it is of.
  struct Job: Sendable {
    let file: Int
    let testCase: TestCase
  }

  /// A case with what it runs against, or why it cannot.
  struct ReadyJob: Sendable {
    let job: Job
    let rehearsal: Result<Rehearsal, Failure>
  }

  private struct Outcome: Sendable {
    let file: Int
    var result: TestResults.Case
    var matched: Set<RouteAddress> = []
  }

  /// All outcomes, in the order of the jobs; as many at once as there are cores, because scripts
  /// are what takes time.
  private static func outcomes(of jobs: [ReadyJob]) async -> [Outcome] {
    await withTaskGroup(of: (Int, Outcome).self) { group in
      var outcomes: [Outcome?] = jobs.map { _ in nil }
      var waiting = jobs.enumerated().makeIterator()
      func addTask() {
        guard let (index, job) = waiting.next() else { return }
        group.addTask { (index, await outcome(of: job)) }
      }
      for _ in 0..<coreCount { addTask() }
      while let (index, outcome) = await group.next() {
        outcomes[index] = outcome
        addTask()
      }
      return outcomes.compactMap(\.self)
    }
  }

  private static let coreCount = max(ProcessInfo.processInfo.activeProcessorCount, 1)

  private static func outcome(of ready: ReadyJob) async -> Outcome {
    let testCase = ready.job.testCase
    let time = TimeSource.system
    let beganMs = time.monotonicMs
    var outcome = Outcome(
      file: ready.job.file,
      result: TestResults.Case(name: testCase.name, origin: testCase.origin))
    switch ready.rehearsal {
    case .failure(let failure): outcome.result.error = failure.message
    case .success(let rehearsal):
      let memory = RehearsalMemory()
      for (index, step) in testCase.steps.enumerated() {
        do throws(EngineError) {
          let event = try rehearsal.event(
            step.event, module: step.module, sequence: Int64(index + 1))
          let report = await rehearsal.run(event, mocks: testCase.mocks, memory: memory)
          outcome.matched.formUnion(report.deliveries.map(\.name))
          outcome.result.unmet +=
            step.expectation?.unmet(by: report, hiding: Secrets.redact) ?? []
        } catch {
          outcome.result.error = "\(step.origin): \(error.description)"
          break
        }
      }
    }
    outcome.result.durationMs = time.monotonicMs - beganMs
    return outcome
  }
}

/// Loads the configuration once for each setting that cases ask for.
struct TestSettings {
  let loading: ProjectLoading
  let global: GlobalOptions

  /// The configuration as it stands.
  ///
  /// - Throws: ``Failure``, 78.
  func project() throws -> LoadedProject {
    let project = try load(TestCase.Setting())
    guard !project.hasErrors else { throw Failure(configurationOf: project) }
    return project
  }

  func prepare(_ jobs: [TestRun.Job]) throws -> [TestRun.ReadyJob] {
    var known: [TestCase.Setting: Result<Rehearsal, Failure>] = [:]
    return try jobs.map { job in
      let setting = job.testCase.setting
      let rehearsal = try known[setting] ?? rehearsal(setting)
      // What is wrong is told at the lines of each case.
      if case .success = rehearsal { known[setting] = rehearsal }
      return TestRun.ReadyJob(job: job, rehearsal: rehearsal)
    }
  }

  private func rehearsal(_ setting: TestCase.Setting) throws -> Result<Rehearsal, Failure> {
    let project = try load(setting)
    guard let error = project.diagnostics.first(where: { $0.level == .error }) else {
      return .success(Rehearsal(project, catalog: loading.catalog))
    }
    return .failure(
      Failure(
        .configuration, .configuration,
        "the configuration is invalid with these variables and params: \(error)"))
  }

  private func load(_ setting: TestCase.Setting) throws -> LoadedProject {
    var options = LoadOptions()
    // Tests run on machines without secrets.
    options.allowMissingEnvironment = true
    // What variables brought in is shown nowhere.
    options.showsObjects = true
    options.parameters = setting.parameters
    options.variables = setting.variables
    return try loading.load(global, options: options)
  }
}
