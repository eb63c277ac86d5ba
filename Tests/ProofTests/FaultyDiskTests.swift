import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Calls of the disk fail instead of crashing, with the engine at work: nothing that was accepted
/// is lost, and the runtime goes on when the disk does.
@Suite(.serialized, .timeLimit(.minutes(60))) struct FaultyDiskTests {
  @Test(arguments: FaultDisk.Fault.allCases, [false, true])
  func `a disk that fails while the engine works costs nothing that was accepted`(
    _ fault: FaultDisk.Fault, _ permanently: Bool
  ) async throws {
    let effort = Effort.chosen
    var chance = SplitMix64(seed: effort.seed)
    let clean = try await Life().run(fault, at: 0, permanently)
    let places = (1...max(clean.calls, 1)).shuffled(using: &chance)
      .prefix(effort.faults)
    var reached = 0
    for place in places.sorted() {
      let end = try await Life().run(fault, at: place, permanently)
      if end.failures > 0 { reached += 1 }
      for text in end.broken {
        Issue.record("seed \(effort.seed), call \(place): \(text)")
      }
    }
    let way = permanently ? "until it heals" : "once"
    print("proof: \(fault) \(way), \(reached) lives, each at another of \(clean.calls) calls")
    #expect(reached > 0)
    #expect(clean.broken.isEmpty)
  }

  /// One life of a runtime on a disk that fails for a while.
  private struct Life {
    struct End {
      /// Calls of the disk while it might fail.
      var calls = 0
      var failures = 0
      /// What should not have happened.
      var broken: [String] = []
    }

    private let directory: ProofDirectory
    private let disk: FaultDisk
    private let calls = Recorder()

    init() throws {
      directory = try ProofDirectory()
      disk = try FaultDisk()
    }

    /// - Parameter place: Which call fails; 0 for none.
    func run(_ fault: FaultDisk.Fault, at place: Int, _ permanently: Bool) async throws -> End {
      var options = EventStore.Options()
      options.vfs = disk.name
      options.logPagesMax = 48
      var world = ProofWorld()
      world.onCall = { [calls] in calls.add($0) }
      let path = directory.path + "/" + Workload.fileName
      var end = End()
      var accepted: Set<String> = []
      try await ProofRun.run(
        path, options: options, modules: [ProofWorld.main], world: world, clock: ManualClock()
      ) { run in
        let before = disk.total
        if place > 0 { disk.fail(place, fault, permanently: permanently) }
        let refused = await work(run, &accepted)
        end.calls = disk.total - before
        disk.heal()
        // A sender repeats what was refused, and is answered now.
        for number in refused {
          let ids = await run.send(Life.webhook(number), Life.wish(number))
          if ids.isEmpty { end.broken.append("\(number) is still refused") }
          accepted.formUnion(ids)
        }
        try await run.drain(stepMs: 1_000)
      }
      end.failures = disk.failures
      end.broken += try broken(path, accepted)
      return end
    }

    private static func webhook(_ number: Int) -> Webhook {
      Webhook(module: "default", number: number)
    }

    private static func wish(_ number: Int) -> String {
      ["retry", "answer", "deliver", "reject"][number % 4]
    }

    /// - Returns: The webhooks that were refused.
    private func work(_ run: ProofRun, _ accepted: inout Set<String>) async -> [Int] {
      var refused: [Int] = []
      for number in 0..<12 {
        let ids = await run.send(Life.webhook(number), Life.wish(number))
        if ids.isEmpty { refused.append(number) }
        accepted.formUnion(ids)
        // Attempts that wait, polls, and commits that are tried again all get their turn.
        for _ in 0..<10 {
          run.clock.advance(ms: 500)
          await Task.yield()
        }
      }
      return refused
    }

    private func broken(_ path: String, _ accepted: Set<String>) throws -> [String] {
      let account = try Account(ofFile: path)
      var broken = try Invariants.violations(inFile: path)
      broken += accepted.subtracting(account.events).map { "\($0) is lost" }
      broken += account.unfinished.map { "\($0) is not settled" }
      if account.polled != Set(0..<ProofWorld.polledCount) { broken.append("polls are missing") }
      for (delivery, numbers) in calls.numbers where numbers != Array(1...numbers.count) {
        broken.append("attempts of \(delivery): \(numbers)")
      }
      return broken
    }
  }
}

/// The attempts that actors saw, by delivery.
private final class Recorder: Sendable {
  private let storage = Mutex<[String: [Int]]>([:])

  func add(_ request: DeliveryRequest) {
    storage.withLock { $0[request.deliveryID, default: []].append(request.attempt) }
  }

  var numbers: [String: [Int]] { storage.withLock { $0 } }
}
