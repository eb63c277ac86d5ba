import Engine
import Store
import TestSupport

/// A real store and a real runtime at work on a file, under a manual clock.
struct ProofRun: Sendable {
  let runtime: Runtime
  let store: EventStore
  let path: String
  let clock: ManualClock

  /// Runs `body` on a runtime, and stops it in order.
  ///
  /// - Parameter witness: Told every log entry, before `body` begins and until all is closed.
  static func run(
    _ path: String, options: EventStore.Options = EventStore.Options(),
    modules: [ModuleDefinition], world: ProofWorld, clock: ManualClock,
    witness: (any LogSink)? = nil, opened: (EventStore) -> Void = { _ in },
    _ body: (ProofRun) async throws -> Void
  ) async throws {
    let store = try EventStore(path: path, options: options)
    defer { store.close() }
    opened(store)
    let log = LogFanout()
    if let witness { log.add(witness, module: nil) }
    let runtime = Runtime(
      store: store, settings: RuntimeSettings(), catalog: world.catalog, time: clock.time,
      log: log)
    try await runtime.load(modules, loadedBy: "test")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await runtime.run() }
      do {
        try await body(ProofRun(runtime: runtime, store: store, path: path, clock: clock))
        runtime.beginStop(timeoutMs: nil)
        try await group.waitForAll()
      } catch {
        group.cancelAll()
        throw error
      }
    }
  }

  /// Sends a webhook that asks for something, and gives the ids of its events when it was taken.
  func send(_ webhook: Webhook, _ wish: String = "deliver") async -> [String] {
    let number = webhook.number
    let body = #"{"n":\#(number),"key":"k\#(number % 2)","do":"\#(wish)"}"#
    return await runtime.receiveWebhook(
      module: webhook.module, source: "in", request: .test(body, id: String(number))
    ).ids
  }

  /// Lets time pass until nothing is unsettled and the polled source has been read to its end.
  func drain(stepMs: Int64 = ProofWorld.retryDelayMs) async throws {
    while true {
      let isQueueEmpty = try await runtime.inspector.queues(nowMs: 0).isEmpty
      if isQueueEmpty, try isPolledOut() { return }
      // With an empty queue only the next poll is waited for.
      clock.advance(ms: isQueueEmpty ? ProofWorld.pollIntervalMs / 2 : stepMs)
      await Task.yield()
    }
  }

  private func isPolledOut() throws -> Bool {
    try SQLiteFile(path).integer("SELECT checkpoint FROM sources WHERE id = 'polled'")
      == Int64(ProofWorld.polledCount)
  }
}
