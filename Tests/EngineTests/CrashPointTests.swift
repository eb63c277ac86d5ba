import Engine
import Foundation
import Store
import TestSupport
import Testing

/// Process death at every named point of the engine, at several of its occurrences: afterwards
/// nothing that was accepted is lost and nothing is unsettled for ever (reliability.md 3).
@Suite(.serialized, .timeLimit(.minutes(5))) struct CrashPointTests {
  /// How often the scenario passes each point, as far as it is tried.
  private static let occurrences: [CrashPoint: Int] = [
    .migrationApplied: 1, .migrationCommitted: 1, .storeOpened: 1, .checkpointBegins: 1,
    .checkpointDone: 1, .moduleRegistered: 1, .moduleMade: 1, .recoverySettled: 1,
    .recoveryArranged: 1, .moduleActive: 1, .stopDraining: 1,
  ]

  static let cases = CrashPoint.allCases.flatMap { point in
    (1...(occurrences[point] ?? 4)).map { (point, $0) }
  }

  @Test(arguments: cases)
  func `a process that dies at a named point loses nothing`(
    _ point: CrashPoint, _ occurrence: Int
  ) async throws {
    let scratch = try Scratch()
    let directory = scratch.path
    let target = "\(point.rawValue):\(occurrence)"
    await #expect(processExitsWith: .exitCode(137)) {
      [directory = directory as String, target = target as String] in
      setenv("ORGLOOP_CRASH_AT", target, 1)
      try await CrashScenario(directory: directory).run()
    }
    let scenario = CrashScenario(directory: directory)
    try await scenario.recover()
    #expect(scenario.accepted.isSubset(of: scenario.delivered))
    #expect(try Invariants.violations(inFile: scenario.database) == [])
  }
}
