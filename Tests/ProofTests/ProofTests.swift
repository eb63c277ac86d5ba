import Foundation
import TestSupport
import Testing

/// A run of the real engine on the real store is recorded, and then ended at every write and every
/// sync; what is left must keep everything that was promised (design.md 5 and 7).
@Suite(.serialized, .timeLimit(.minutes(60))) struct ProofTests {
  @Test func `no crash anywhere undoes what somebody was told`() async throws {
    let effort = Effort.chosen
    let start = ContinuousClock.now
    let (recording, _) = try await Workload(seed: effort.seed).record()
    let report = try await effort.campaign().run(recording)
    effort.tell("\(recording.changes.count) changes of the disk", report, since: start)
    #expect(recording.promises.count > 100)
  }

  @Test func `a crash while the runtime recovers from a crash undoes nothing either`()
    async throws
  {
    let effort = Effort.chosen
    let start = ContinuousClock.now
    let (recording, _) = try await Workload(seed: effort.seed).record()
    var chance = SplitMix64(seed: effort.seed)
    var report = Campaign.Report()
    for number in 0..<effort.recoveries {
      let place = Int.random(
        in: recording.changes.count / 4..<recording.changes.count, using: &chance)
      var disk = Replay(recording)
      disk.advance(to: place)
      let crash = Crash(place: place, kind: .powerCut(number))
      let recovery = try await Workload(seed: effort.seed).recordRecovery(
        from: disk.image(after: crash, seed: effort.seed),
        known: recording.promises.facts(after: place))
      report += try await effort.campaign(ofRecovery: number).run(recovery)
    }
    effort.tell("\(effort.recoveries) recoveries", report, since: start)
  }

  @Test func `the disk that crashes are made of is the one that was written`() async throws {
    let (recording, directory) = try await Workload().record()
    var disk = DiskModel()
    for change in recording.changes { disk.apply(change) }
    let image = disk.afterProcessDeath
    let path = directory.path + "/" + Workload.fileName
    let real = try Data(contentsOf: URL(filePath: path))
    let isSame = image.files[Workload.fileName] == Array(real)
    #expect(isSame)
    // Shared memory and the lock are no part of what a crash leaves.
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      .filter { !$0.hasSuffix("-shm") && !$0.hasSuffix(".lock") }
    #expect(image.files.keys.sorted() == names.sorted())
    // Whatever was synced is there after any power cut at the end.
    var chance = SplitMix64(seed: 1)
    for _ in 0..<20 {
      let cut = disk.afterPowerCut(using: &chance)
      #expect(cut.files[Workload.fileName]?.count == real.count)
    }
  }
}
