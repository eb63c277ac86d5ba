import Store
import Testing

/// The proof can fail: where something is done wrong on purpose, it says so.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SabotageTests {
  private func report(
    _ workload: Workload, _ isMeant: @escaping @Sendable (Crash) -> Bool
  ) async throws -> Campaign.Report {
    let (recording, _) = try await workload.record()
    var campaign = Campaign(seed: 7)
    campaign.crashCountMax = 20
    campaign.continuesOneOf = .max
    campaign.isMeant = isMeant
    return try await campaign.run(recording)
  }

  @Test(arguments: [EventStore.Durability.off, .normal])
  func `commits that are not synced are reported as lost in a power cut`(
    _ durability: EventStore.Durability
  ) async throws {
    let report = try await report(Workload(durability: durability)) { crash in
      if case .powerCut = crash.kind { true } else { false }
    }
    print("proof: synchronous \(durability), power cuts: \(report.findings.count) findings")
    #expect(report.count(.promise) > 0)
    #expect(report.count(.prefix) > 0)
  }

  @Test func `commits that are not synced survive the death of the process`() async throws {
    let report = try await report(Workload(durability: .off)) { $0.kind == .processDeath }
    #expect(report.findings.isEmpty)
  }

  @Test(arguments: [Crash.Kind.processDeath, .powerCut(0)])
  func `a checkpoint that is committed before its events is reported`(
    _ kind: Crash.Kind
  ) async throws {
    let (recording, _) = try await Workload(sabotage: .checkpointFirst).record()
    var campaign = Campaign(seed: 7)
    campaign.continuesOneOf = .max
    campaign.crashCountMax = 120
    // A poll's two commits follow its beginning; what they write is less than a hundred changes.
    let polls = recording.promises.filter { if case .polled = $0.fact { true } else { false } }
    let windows = polls.prefix(4).map { $0.since..<$0.since + 100 }
    campaign.isMeant = { crash in
      crash.kind == kind && windows.contains { $0.contains(crash.place) }
    }
    let report = try await campaign.run(recording)
    print("proof: checkpoint first, \(kind): \(report.count(.checkpoint)) findings")
    #expect(report.count(.checkpoint) > 0)
  }
}
