import Dispatch
import Engine
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Stays as the parent of a runtime and starts it again when it ended abnormally
/// (cli-http.md 2.2, `--supervised`).
///
/// The runtime has a session of its own, so a ^C at the terminal reaches it once, from here.
final class SupervisedStart: Sendable {
  private let output: Output
  private let workspace: String
  private let readiness: Readiness
  private let state = Mutex(State())
  /// Signalled when a stop is asked for while there is no runtime.
  private let woken = DispatchSemaphore(value: 0)

  private struct State {
    var child: pid_t?
    /// The runtime takes a SIGHUP; before, one would end it, and it reads its files anyway.
    var isReady = false
    var isStopping = false
  }

  /// - Parameter readiness: Told of the first start only.
  init(output: Output, workspace: String, readiness: Readiness) {
    self.output = output
    self.workspace = workspace
    self.readiness = readiness
  }

  /// Returns when the runtime has been stopped.
  ///
  /// - Throws: ``Ended`` with the status of a runtime that was never ready, ``Failure`` when the
  ///   runtime has ended too often.
  func run() async throws {
    takeSignals()
    StopSignals.handleHangUp { self.pass(SIGHUP) }
    // What waits for a child blocks, and must not hold up anything else.
    let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
      DispatchQueue(label: "orgloop.supervisor").async {
        continuation.resume(returning: Result { try self.supervise() })
      }
    }
    try result.get()
  }

  // MARK: Signals

  /// Each one is passed on; the runtime takes the second as "at once".
  private func takeSignals() {
    StopSignals.handleFirst { number in
      self.takeSignals()
      self.pass(number)
    }
  }

  private func pass(_ number: Int32) {
    state.withLock { state in
      if number != SIGHUP { state.isStopping = true }
      // It has not been waited for, so the number is its own.
      if let child = state.child, number != SIGHUP || state.isReady { kill(child, number) }
    }
    woken.signal()
  }

  // MARK: The runtime

  private func supervise() throws {
    var policy = RestartPolicy()
    var isFirst = true
    while true {
      let began = ContinuousClock.now
      let end: End
      do {
        end = try runOnce(isFirst: isFirst)
      } catch  where !isFirst {
        // For the moment the system has no process to give, say.
        end = End(words: "\(error)", status: ExitStatus.failed.rawValue, wasReady: false)
      }
      if SupervisedStart.asked.contains(end.status) || state.withLock(\.isStopping) { return }
      guard end.wasReady || !isFirst else {
        throw Ended(status: ExitStatus(rawValue: end.status) ?? .failed)
      }
      isFirst = false
      let nowMs = SupervisedStart.ms(ContinuousClock.now - SupervisedStart.origin)
      let upMs = SupervisedStart.ms(ContinuousClock.now - began)
      guard let delayMs = policy.delayMs(afterRunOfMs: upMs, nowMs: nowMs) else {
        throw Failure(
          .runtime, .failed,
          "the runtime ended \(RestartPolicy.restartsMax) times within 5 min; it is not started "
            + "again", hint: "its last words are above, or in \(DaemonLog.path)")
      }
      DaemonLog.rotateIfLarge()
      output.warning("\(end.words); it is started again in \(TimeText.interval(ms: delayMs))")
      wait(ms: delayMs)
    }
  }

  /// 0, and the ends by SIGTERM and SIGINT: somebody wanted it to end, if not by this process.
  private static let asked: Set = [0, 128 + SIGTERM, 128 + SIGINT]

  /// How a runtime ended.
  private struct End {
    let words: String
    /// 0 also when it was not to be started any more.
    let status: Int32
    let wasReady: Bool
  }

  /// A runtime from its start to its end.
  private func runOnce(isFirst: Bool) throws -> End {
    guard let child = try start(isFirst: isFirst) else {
      return End(words: "", status: 0, wasReady: false)
    }
    let wasReady = tell(child.readAll(), isFirst: isFirst)
    state.withLock { $0.isReady = wasReady }
    child.waitForEnd()
    let status = state.withLock { state in
      state.isReady = false
      state.child = nil
      return child.collect()
    }
    return End(
      words: "the runtime (PID \(child.pid)) ended with status \(status)", status: status,
      wasReady: wasReady)
  }

  /// - Returns: Nil when a stop was asked for meanwhile.
  private func start(isFirst: Bool) throws -> RuntimeChild? {
    var unwanted: Set = ["--supervised", "--daemon"]
    var added = ["--supervisor", "\(getpid())"]
    if output.isJSON, !isFirst {
      // The report of a restart would be a second document.
      unwanted.insert("--json")
      added.append("--quiet")
    }
    let arguments = StartArguments.given(workspace: workspace, without: unwanted) + added
    return try state.withLock { state in
      guard !state.isStopping else { return nil }
      let child = try RuntimeChild.start(arguments, log: nil)
      state.child = child.pid
      return child
    }
  }

  /// Hands on what the runtime told of its start.
  ///
  /// - Returns: It is ready.
  private func tell(_ bytes: [UInt8], isFirst: Bool) -> Bool {
    guard !bytes.isEmpty, let text = try? JSONText(checking: bytes, limits: .trusted) else {
      return false
    }
    if isFirst { readiness.tell(text) }
    return Failure(text.value()) == nil
  }

  private func wait(ms: Int64) {
    let end = DispatchTime.now() + .milliseconds(Int(ms))
    while !state.withLock(\.isStopping), woken.wait(timeout: end) == .success {}
  }

  /// Where the policy's clock begins.
  private static let origin = ContinuousClock.now

  private static func ms(_ duration: Duration) -> Int64 { Int64(duration / .milliseconds(1)) }
}
