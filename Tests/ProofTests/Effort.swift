import Foundation
import Testing

/// How much is tried: a sample where every change of the sources is tested, everything with
/// `ORGLOOP_PROOF=full`.
struct Effort: Sendable {
  let isFull: Bool
  let seed: UInt64
  /// Where the files are kept that gave rise to findings; nil keeps none.
  let keptIn: String?

  static let chosen = Effort(environment: ProcessInfo.processInfo.environment)

  init(environment: [String: String]) {
    isFull = environment["ORGLOOP_PROOF"] == "full"
    seed = environment["ORGLOOP_PROOF_SEED"].flatMap { UInt64($0) } ?? .random(in: 0..<1_000_000)
    keptIn = environment["ORGLOOP_PROOF_KEEP"]
  }

  /// 500 crashes take about 15 s on 2 cores.
  func campaign() -> Campaign {
    var campaign = Campaign(seed: seed)
    campaign.powerCuts = isFull ? 2 : 1
    campaign.crashCountMax = isFull ? nil : 500
    campaign.keptIn = keptIn
    return campaign
  }

  /// Crashes whose recoveries are crashed in turn.
  var recoveries: Int { isFull ? 20 : 3 }

  func campaign(ofRecovery number: Int) -> Campaign {
    var campaign = Campaign(seed: seed &+ UInt64(number))
    campaign.crashCountMax = isFull ? 200 : 30
    campaign.keptIn = keptIn
    return campaign
  }

  /// Calls of the disk that are made to fail, for each way to fail.
  var faults: Int { isFull ? 100 : 8 }

  /// Prints what was tried and records what was found.
  func tell(_ what: String, _ report: Campaign.Report, since start: ContinuousClock.Instant) {
    print(
      """
      proof: seed \(seed), \(what), \(report.crashCount) crashes, \(report.continuedCount) of \
      them run on to the end, \(report.findings.count) findings, \(ContinuousClock.now - start)
      """)
    for finding in report.findings.prefix(20) { Issue.record("seed \(seed), \(finding)") }
  }
}
