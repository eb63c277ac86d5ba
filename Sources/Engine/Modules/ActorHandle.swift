import Synchronization

/// An actor by its identity, module and id, whatever stands behind it at the moment: routes of any
/// module hold it, while a reload puts another connector in and an unload takes it out.
final class ActorHandle: Sendable {
  let reference: ActorReference
  let slots = ActorSlots()
  private let state = Mutex<State>(State())

  private struct State: Sendable {
    var open: OpenActor?
    var definition: ActorDefinition?
    /// It said that it is gone for good.
    var isGone = false
  }

  init(_ reference: ActorReference) { self.reference = reference }

  /// Whether deliveries can be made: it is there, and the configuration has not switched it off.
  var isReady: Bool {
    state.withLock { $0.open != nil && $0.definition?.isEnabled ?? false && !$0.isGone }
  }

  /// Whether it has said that it is gone for good (HTTP 410), and no operator has enabled it since.
  var isGone: Bool {
    get { state.withLock(\.isGone) }
    set { state.withLock { $0.isGone = newValue } }
  }

  /// What the configuration says of it; nil while its module is not loaded.
  var definition: ActorDefinition? { state.withLock(\.definition) }

  /// Puts a connector in.
  ///
  /// - Returns: The one that was there, which the caller must retire.
  func open(_ connector: any ActorConnector, _ definition: ActorDefinition) -> OpenActor? {
    replace(OpenActor(connector), definition)
  }

  /// Takes the connector out.
  ///
  /// - Returns: The one that was there, which the caller must retire.
  func close() -> OpenActor? { replace(nil, nil) }

  /// The definition changed in a way that the connector does not see.
  func update(_ definition: ActorDefinition) {
    state.withLock { $0.definition = definition }
    slots.limit(to: definition)
  }

  private func replace(_ open: OpenActor?, _ definition: ActorDefinition?) -> OpenActor? {
    // While it is not there nothing is delivered, and what runs is still counted.
    if let definition { slots.limit(to: definition) }
    return state.withLock { state in
      defer { state = State(open: open, definition: definition, isGone: state.isGone) }
      return state.open
    }
  }

  /// Delivers with the connector that is there when the call begins.
  func deliver(_ request: DeliveryRequest) async -> AttemptOutcome {
    // Entered under the lock: once it is taken out, nobody new comes in.
    let open = state.withLock { state in
      state.open?.enter()
      return state.open
    }
    guard let open else {
      return AttemptOutcome(.error, error: "the module of actor \(reference.id) is not loaded")
    }
    return await open.deliver(request)
  }
}

/// A connector in use; it is closed when nobody uses it any more.
final class OpenActor: Sendable {
  private let connector: any ActorConnector
  private let users = Mutex(0)
  private let isUnused = StopSignal()
  private let isRetired = Mutex(false)

  init(_ connector: any ActorConnector) { self.connector = connector }

  fileprivate func enter() { users.withLock { $0 += 1 } }

  /// Follows ``enter()``.
  fileprivate func deliver(_ request: DeliveryRequest) async -> AttemptOutcome {
    let outcome = await connector.deliver(request)
    users.withLock { $0 -= 1 }
    tellIfUnused()
    return outcome
  }

  /// Closes the connector when the last delivery with it has ended, or at once when the task is
  /// cancelled. It must have been taken out of its handle.
  func retire() async {
    isRetired.withLock { $0 = true }
    tellIfUnused()
    await isUnused.wait()
    await connector.close()
  }

  private func tellIfUnused() {
    guard isRetired.withLock({ $0 }), users.withLock({ $0 == 0 }) else { return }
    isUnused.set()
  }
}

/// The handles of all actors that a loaded route or module names.
final class ActorDirectory: Sendable {
  private let handles = Mutex<[ActorReference: ActorHandle]>([:])

  /// - Parameter module: Of the route, where the reference names none.
  func handle(for reference: ActorReference, in module: String) -> ActorHandle {
    let key = ActorReference(module: reference.module ?? module, id: reference.id)
    return handles.withLock { handles in
      if let handle = handles[key] { return handle }
      let handle = ActorHandle(key)
      handles[key] = handle
      return handle
    }
  }

  /// Forgets actors that neither their module nor a route names any more.
  func forget(_ references: [ActorReference]) {
    handles.withLock { handles in for reference in references { handles[reference] = nil } }
  }
}
