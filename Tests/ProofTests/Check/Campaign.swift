import Foundation
import TestSupport

/// Crashes a recorded run at many places and checks what is left.
struct Campaign: Sendable {
  let seed: UInt64
  /// Power cuts at each place that are told apart.
  var powerCuts = 1
  /// How many of the crashes are tried, chosen by the seed; nil tries all.
  var crashCountMax: Int?
  /// Of so many crashes one goes on to the end with the real engine.
  var continuesOneOf = 8
  /// Which crashes are tried or chosen from.
  var isMeant: @Sendable (Crash) -> Bool = { _ in true }
  /// Where to keep the files that gave rise to findings.
  var keptIn: String?

  struct Report: Sendable {
    var crashCount = 0
    var continuedCount = 0
    var findings: [Finding] = []

    func count(_ rule: Finding.Rule) -> Int { findings.count { $0.rule == rule } }

    static func += (left: inout Report, right: Report) {
      left.crashCount += right.crashCount
      left.continuedCount += right.continuedCount
      left.findings += right.findings
    }
  }

  func run(_ recording: Recording) async throws -> Report {
    let changes = recording.changes
    let history = try History(recording)
    var chance = SplitMix64(seed: seed)
    var crashes = Crash.all(in: changes, powerCuts: powerCuts).filter(isMeant)
    if let crashCountMax { crashes = Array(crashes.shuffled(using: &chance).prefix(crashCountMax)) }
    crashes.sort { $0.place < $1.place }

    let directory = try ProofDirectory()
    var report = Report()
    try await withThrowingTaskGroup(of: [Finding].self) { group in
      var disk = Replay(recording)
      for (number, crash) in crashes.enumerated() {
        disk.advance(to: crash.place)
        // As many at once as there are processors.
        if number >= ProcessInfo.processInfo.activeProcessorCount {
          report.findings += try await group.next() ?? []
        }
        let trial = Trial(
          crash: crash, image: disk.image(after: crash, seed: seed),
          check: history.check(at: crash.place), directory: "\(directory.path)/\(number)",
          isContinued: Int.random(in: 0..<continuesOneOf, using: &chance) == 0,
          keptIn: keptIn.map { "\($0)/seed \(seed), \(crash)" })
        report.crashCount += 1
        if trial.isContinued { report.continuedCount += 1 }
        group.addTask { try await trial.findings() }
      }
      for try await findings in group { report.findings += findings }
    }
    return report
  }
}

/// What a run had committed and promised at each place.
private struct History {
  private let commits: [Int]
  private let promises: [Promise]
  /// What the tables held after each commit.
  private let contents: [Int]

  init(_ recording: Recording) throws {
    commits = recording.commits
    promises = recording.promises
    let directory = try ProofDirectory()
    var disk = Replay(recording)
    contents = try commits.enumerated().map { number, place in
      disk.advance(to: place)
      let path = "\(directory.path)/\(number)"
      try disk.image.write(to: path)
      defer { try? FileManager.default.removeItem(atPath: path) }  // with its directory, if not now
      return try SQLiteFile("\(path)/\(Workload.fileName)").contentHash()
    }
  }

  func check(at place: Int) -> CrashCheck {
    let facts = promises.facts(after: place)
    let committed = commits.count { $0 <= place }
    guard committed > 0 else { return CrashCheck(promises: facts, contents: nil) }
    let underWay = committed < contents.count ? [contents[committed]] : []
    return CrashCheck(promises: facts, contents: Set([contents[committed - 1]] + underWay))
  }
}

/// One crash, its disk, and what is looked at.
private struct Trial: Sendable {
  let crash: Crash
  let image: DiskImage
  let check: CrashCheck
  let directory: String
  let isContinued: Bool
  let keptIn: String?

  /// Leaves nothing behind in its directory.
  func findings() async throws -> [Finding] {
    try image.write(to: directory)
    let path = "\(directory)/\(Workload.fileName)"
    var findings = check.findings(inFile: path)
    if isContinued, findings.isEmpty {
      findings += await Continuation(known: check.promises).findings(inFile: path)
    }
    try FileManager.default.removeItem(atPath: directory)
    if let keptIn, !findings.isEmpty { try image.write(to: keptIn) }
    return findings.map { finding in
      var finding = finding
      finding.crash = crash.description
      return finding
    }
  }
}
