import Connectors
import Engine
import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A directory of its own for one test, removed with the value.
final class Workspace: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/orgloop-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    // A directory that stays behind in /tmp fails no promise.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes an executable script and gives its path.
  @discardableResult
  func script(_ body: String, name: String = "script.sh", mode: mode_t = 0o755) throws -> String {
    let file = path + "/" + name
    try ("#!/bin/sh\n" + body + "\n").write(toFile: file, atomically: true, encoding: .utf8)
    guard chmod(file, mode) == 0 else { throw POSIXError(.EPERM) }
    return file
  }

  func text(_ name: String) -> String? {
    try? String(contentsOfFile: path + "/" + name, encoding: .utf8)
  }
}

/// What the tests share: a runner with the fewest variables, contexts, and a log to look into.
enum Fixture {
  /// The program ignores SIGPIPE for itself; the test process must too.
  static let ignoresBrokenPipes: Bool = {
    signal(SIGPIPE, SIG_IGN)
    return true
  }()

  static func runner(_ childGuard: ChildGuard? = nil) -> CommandRunner {
    _ = ignoresBrokenPipes
    return CommandRunner(
      baseEnvironment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C"],
      childGuard: childGuard)
  }

  static func sourceContext(
    root: String = "/tmp", time: TimeSource = .system, log: LogRecorder = LogRecorder()
  ) -> SourceContext {
    SourceContext(
      module: "mod", sourceID: "src", root: root, time: time, log: { log.append($0) })
  }

  static func actorContext(root: String = "/tmp", time: TimeSource = .system) -> ActorContext {
    ActorContext(module: "mod", actorID: "act", root: root, time: time, log: { _ in })
  }

  static func transformContext(root: String, source: String = "src") -> TransformContext {
    TransformContext(
      source: source, target: "act", eventType: "resource.changed", eventID: "evt_1",
      route: "r1", module: "mod", traceID: "trc_1", transform: "t1", root: root, timeoutMs: 30_000)
  }

  static let event = JSONText([
    "id": "evt_1", "timestamp": "2026-03-04T05:06:07.089Z", "source": "github",
    "type": "resource.changed",
    "provenance": [
      "platform": "github", "platform_event": "issue_comment", "author": "dana",
      "labels": ["bug", "urgent"], "url": "https://example.com/1", "nothing": nil,
    ],
    "payload": ["title": "Hello", "number": 12, "draft": false, "nested": ["a": [1, 2]]],
    "trace_id": "trc_4bf92f3577b34da6a3ce929d0e0e4736", "module": "default",
  ])

  static func delivery(
    event: JSONText = Fixture.event, traceID: String = "trc_4bf92f3577b34da6a3ce929d0e0e4736",
    config: JSONObject = [:], prompt: String? = nil, attempt: Int = 1, timeoutMs: Int64 = 30_000
  ) -> DeliveryRequest {
    DeliveryRequest(
      deliveryID: "dlv_7", attempt: attempt, eventID: "evt_1", event: event, traceID: traceID,
      route: "r1", module: "mod", config: config, launchPrompt: prompt, timeoutMs: timeoutMs)
  }

  /// The open files of this process.
  static func openFileCount() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }

  /// Whether a process is there and is not a zombie.
  static func isRunning(_ pid: pid_t) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let state = text.split(separator: ")").last?.split(separator: " ").first
    else { return false }
    return state != "Z" && state != "X"
  }

  /// Waits until a condition of the outside world holds; the test's time limit is the bound.
  static func eventually(_ condition: () -> Bool) async throws {
    while !condition() {
      try Task.checkCancellation()
      await Task.yield()
    }
  }
}

/// Keeps what a connector logs.
final class LogRecorder: Sendable {
  private let entries = Mutex<[LogEntry]>([])

  func append(_ entry: LogEntry) { entries.withLock { $0.append(entry) } }

  var results: [String] { entries.withLock { $0.compactMap(\.result) } }
}

/// Collects values from concurrent code.
final class Recorder<Value: Sendable>: Sendable {
  private let storage = Mutex<[Value]>([])

  func append(_ value: Value) { storage.withLock { $0.append(value) } }

  var values: [Value] { storage.withLock { $0 } }
}
