import Store

extension Runtime {
  /// Lets held deliveries go on (events.md 9).
  ///
  /// - Returns: `[{target, module, since, by}]` of those that were held.
  /// - Throws: ``EngineError`` `.notFound` for an id that is no delivery's here, or of one that is
  ///   not held.
  func release(
    _ targets: [PauseTarget], requester: String
  ) async throws(EngineError) -> [JSONValue] {
    var released: [JSONValue] = []
    for target in targets {
      guard let number = bus.identity.number(in: target.name, prefix: "dlv_")?.number else {
        throw EngineError(.notFound, "no delivery \(target.name)")
      }
      let lane: Int64?
      do throws(StoreError) {
        lane = try await store.releaseHeld(number, by: requester, nowMs: time.wallMs)
      } catch {
        throw EngineError(error)
      }
      guard let lane else { throw EngineError(.notFound, "\(target) is not held") }
      noteOperatorAction("resume", target: target.description, requester: requester)
      released.append([
        "target": .string(target.description), "since": .string(ISOTime.text(ms: time.wallMs)),
        "by": .string(requester),
      ])
      _ = supervisor.start { [self] in await lookAgain(in: [lane]) }
    }
    return released
  }
}
