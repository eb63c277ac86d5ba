import Engine
import Store
import Synchronization
import TestSupport

/// Runs the real engine on what a crash left, until nothing is unsettled.
struct Continuation: Sendable {
  /// What somebody was told before the crash.
  let known: [Fact]
  /// 4: so many senders repeat themselves, as one does whose answer was lost.
  private static let repetitionCount = 4

  /// What has ended stays ended, what was begun counts, and every event gets its outcomes.
  func findings(inFile path: String) async -> [Finding] {
    do {
      let before = try Account(ofFile: path)
      let calls = Mutex<[DeliveryRequest]>([])
      var repeated: [Finding] = []
      var world = ProofWorld()
      world.onCall = { request in calls.withLock { $0.append(request) } }
      try await ProofRun.run(
        path, modules: ProofWorld.everything, world: world,
        clock: ManualClock(wallMs: ProofWorld.laterMs)
      ) { run in
        _ = try await run.runtime.resume(.all, requester: "test")
        repeated = await repetitions(run)
        try await run.drain(stepMs: 1_000)
      }
      let rules = try Invariants.violations(inFile: path).map {
        Finding(rule: .invariant, text: $0)
      }
      let after = try Account(ofFile: path)
      return rules + repeated + broken(calls.withLock { $0 }, before) + unfinished(before, after)
    } catch {
      return [Finding(rule: .outcome, text: "the runtime failed: \(error)")]
    }
  }

  private func repetitions(_ run: ProofRun) async -> [Finding] {
    let answers = known.compactMap { fact -> (id: String, webhook: Webhook)? in
      if case .event(let id, let webhook) = fact { (id, webhook) } else { nil }
    }
    var findings: [Finding] = []
    for (id, webhook) in answers.sorted(by: { $0.id > $1.id }).prefix(Self.repetitionCount) {
      let ids = await run.send(webhook)
      if ids != [id] { findings.append(Finding(rule: .repetition, text: "\(id), now \(ids)")) }
    }
    return findings
  }

  private func broken(_ calls: [DeliveryRequest], _ before: Account) -> [Finding] {
    calls.flatMap { call in
      var findings: [Finding] = []
      if before.settled[call.deliveryID] != nil {
        findings.append(Finding(rule: .settled, text: "\(call.deliveryID) was delivered again"))
      }
      let begun = before.attempts[call.deliveryID, default: 0]
      if call.attempt <= begun {
        findings.append(
          Finding(rule: .attempt, text: "attempt \(call.attempt) of \(call.deliveryID) twice"))
      }
      return findings
    }
  }

  private func unfinished(_ before: Account, _ after: Account) -> [Finding] {
    var findings = after.unfinished.map { Finding(rule: .outcome, text: "\($0) is not settled") }
    findings += before.events.subtracting(after.events)
      .map { Finding(rule: .outcome, text: "\($0) is gone") }
    findings += before.settled.filter { after.deliveries[$0.key] != $0.value }
      .map { Finding(rule: .settled, text: "\($0.key) was \($0.value)") }
    if after.polled != Set(0..<ProofWorld.polledCount) {
      findings.append(Finding(rule: .outcome, text: "polled in the end: \(after.polled.sorted())"))
    }
    return findings
  }
}
