import Engine
import Store
import Synchronization
import TestSupport

/// The recorded run: three lives of a runtime on one file, with webhooks, polls, a source whose
/// breaker opens and closes, retries, dead letters, answers, and a module that is loaded, paused,
/// changed and unloaded with work in its queue; in the last one dead letters are requeued and
/// replayed.
struct Workload: Sendable {
  /// What is done wrong on purpose, so that tests can see that it is found.
  enum Sabotage: Sendable {
    case none
    /// A poll's checkpoint is committed before its events.
    case checkpointFirst
  }

  var durability = EventStore.Durability.full
  var sabotage = Sabotage.none
  var seed: UInt64 = 0

  /// The name of the database in its directory.
  static let fileName = "proof.db"
  /// 48 pages: the run checkpoints a dozen times.
  private static let logPagesMax: Int32 = 48
  /// Half-way the polled source fails as often as its breaker needs to open.
  private static let polledBeforeFailures = 6
  private struct SourceDown: Error {}

  /// Runs the script and records it.
  ///
  /// - Returns: The recording, and the directory with the file as the run left it.
  func record() async throws -> (recording: Recording, directory: ProofDirectory) {
    let recording = Recording()
    let directory = try ProofDirectory()
    let disk = try FaultDisk { recording.note($0) }
    let clock = ManualClock()
    let store = Mutex<EventStore?>(nil)
    let failures = Mutex(0)
    var world = ProofWorld()
    world.onCall = { recording.promise(.attempted(delivery: $0.deliveryID, number: $0.attempt)) }
    world.onPoll = { covered in
      recording.promise(.polled(covered))
      if covered == Workload.polledBeforeFailures {
        let number = failures.withLock { count in
          count += 1
          return count
        }
        if number <= SourceHealth.failuresMax { throw SourceDown() }
      }
      guard sabotage == .checkpointFirst, let store = store.withLock({ $0 }) else { return }
      try await Workload.saveCheckpoint(after: covered, store)
    }
    let path = directory.path + "/" + Workload.fileName
    for life in [firstLife, secondLife, thirdLife] {
      try await ProofRun.run(
        path, options: options(disk, recording), modules: [ProofWorld.main], world: world,
        clock: clock, witness: Witness(recording),
        opened: { opened in store.withLock { $0 = opened } }
      ) { run in
        try await life(run, recording)
      }
      store.withLock { $0 = nil }
    }
    return (recording, directory)
  }

  /// Records what the engine does with the files that a crash has left, until nothing is unsettled.
  ///
  /// - Parameter known: What somebody was told before the crash.
  func recordRecovery(from image: DiskImage, known: [Fact]) async throws -> Recording {
    // What operators said before is revoked by the start: the project has the module now.
    let lasting = known.filter { fact in
      switch fact {
      case .event, .polled, .attempted, .settled, .replayed: true
      case .pause, .module: false
      }
    }
    let recording = Recording(on: image, known: lasting)
    let directory = try ProofDirectory()
    try image.write(to: directory.path)
    let disk = try FaultDisk { recording.note($0) }
    var world = ProofWorld()
    world.onCall = { recording.promise(.attempted(delivery: $0.deliveryID, number: $0.attempt)) }
    world.onPoll = { recording.promise(.polled($0)) }
    try await ProofRun.run(
      directory.path + "/" + Workload.fileName, options: options(disk, recording),
      modules: ProofWorld.everything, world: world,
      clock: ManualClock(wallMs: ProofWorld.laterMs), witness: Witness(recording)
    ) { run in
      _ = try await run.runtime.resume(.all, requester: "test")
      try await run.drain()
    }
    return recording
  }

  private func options(_ disk: FaultDisk, _ recording: Recording) -> EventStore.Options {
    var options = EventStore.Options()
    options.vfs = disk.name
    options.durability = durability
    options.logPagesMax = Workload.logPagesMax
    options.observer = { if case .committed = $0 { recording.noteCommit() } }
    options.random = { [seed] in seed }
    return options
  }

  private static func saveCheckpoint(after covered: Int, _ store: EventStore) async throws {
    let key = try SQLiteFile(store.path).integer("SELECT key FROM sources WHERE id = 'polled'")
    guard let key, covered < ProofWorld.polledCount else { return }
    try await store.save(
      SourceProgress(source: key, checkpoint: String(covered + ProofWorld.polledAtOnce)))
  }

  // MARK: The script

  private func firstLife(_ run: ProofRun, _ recording: Recording) async throws {
    let wishes = ["deliver", "retry", "reject", "answer", "exhaust", "deliver", "answer", "retry"]
    for (number, wish) in wishes.enumerated() { await send(number, wish, run, recording) }
    // What was sent before is answered with the first id and stored once.
    await send(0, "deliver", run, recording)
    await withTaskGroup(of: Void.self) { group in
      for number in 10..<22 { group.addTask { await send(number, "retry", run, recording) } }
    }
    try await run.drain()
    try await comeAndGo(run, recording)
    // Some of this waits for its next attempt when the runtime stops.
    for number in 30..<34 { await send(number, "retry", run, recording) }
  }

  private func secondLife(_ run: ProofRun, _ recording: Recording) async throws {
    for number in 40..<44 { await send(number, "answer", run, recording) }
    try await run.drain()
  }

  /// Dead letters are requeued, and everything that was refused is replayed, part by part.
  private func thirdLife(_ run: ProofRun, _ recording: Recording) async throws {
    // All that earlier lives have told is known: each ends with its log.
    recording.revoke { if case .settled(_, "dead") = $0 { true } else { false } }
    // What belongs to a module that is not loaded would wait for it.
    var letters = LetterQuery()
    letters.events.module = "default"
    var order = LetterOrder(.requeue, .all(letters), limit: 2)
    repeat {
      order.after = try await run.runtime.carryOut(order, requester: "test").next
    } while order.after != nil
    try await run.drain()
    var query = EventQuery()
    query.source = "in"
    query.module = "default"
    var replay = ReplayOrder(.filter(query))
    replay.onlyFailed = true
    let id = "rpl_" + String(repeating: "0", count: 32)
    var report: ReplayReport
    repeat {
      report = try await run.runtime.replay(replay, id: id, limit: 2, requester: "test")
      recording.promise(.replayed(id, deliveries: report.deliveries))
    } while !report.isDone
    try await run.drain()
  }

  private func send(
    _ number: Int, _ wish: String, to module: String = "default", _ run: ProofRun,
    _ recording: Recording
  ) async {
    let webhook = Webhook(module: module, number: number)
    for id in await run.send(webhook, wish) { recording.promise(.event(id, of: webhook)) }
  }

  private func comeAndGo(_ run: ProofRun, _ recording: Recording) async throws {
    let runtime = run.runtime
    func order(_ routes: [String], ownLanes: Bool = false) -> ModuleOrder {
      ModuleOrder(
        ProofWorld.guest(routes, ownLanes: ownLanes), isFromBoot: false, requester: "test")
    }
    let pause = PauseTarget(.route, "kept", module: "guest")
    _ = try await runtime.loadModule(order(["kept"]))
    recording.promise(.module("guest", isWanted: true))
    await send(100, "deliver", to: "guest", run, recording)
    _ = try await runtime.pause(
      .targets([pause]), reason: nil, durationMs: nil, requester: "test")
    recording.promise(.pause("route/kept", isOn: true))
    for number in 101..<104 { await send(number, "retry", to: "guest", run, recording) }
    _ = try await runtime.reloadModule(
      order(["kept"], ownLanes: true), onRemoved: .park, drainMs: nil)
    recording.revoke { $0 == .pause("route/kept", isOn: true) }
    _ = try await runtime.resume(.targets([pause]), requester: "test")
    recording.promise(.pause("route/kept", isOn: false))
    await send(104, "exhaust", to: "guest", run, recording)
    _ = try await runtime.reloadModule(order(["other"]), onRemoved: .park, drainMs: nil)
    for number in 105..<108 { await send(number, "retry", to: "guest", run, recording) }
    recording.revoke { $0 == .module("guest", isWanted: true) }
    _ = try await runtime.unloadModule("guest", drainMs: nil, onRemoved: .park, requester: "test")
    recording.promise(.module("guest", isWanted: false))
    recording.revoke { $0 == .module("guest", isWanted: false) }
    _ = try await runtime.loadModule(order(["kept", "other"]))
    recording.promise(.module("guest", isWanted: true))
    try await run.drain()
    await send(108, "exhaust", to: "guest", run, recording)
    recording.revoke { $0 == .module("guest", isWanted: true) }
    _ = try await runtime.unloadModule("guest", drainMs: nil, onRemoved: .drop, requester: "test")
    recording.promise(.module("guest", isWanted: false))
  }
}

/// Reports what the log says has ended.
private struct Witness: LogSink {
  let recording: Recording
  var minimumLevel: LogLevel { .debug }

  init(_ recording: Recording) { self.recording = recording }

  func write(_ entries: [LogEntry]) async {
    for entry in entries {
      guard let delivery = entry.deliveryID else { continue }
      switch entry.phase {
      case .deliverSuccess: recording.promise(.settled(delivery: delivery, state: "delivered"))
      case .deliverDeadLetter: recording.promise(.settled(delivery: delivery, state: "dead"))
      default: break
      }
    }
  }

  func close() async {}
}
