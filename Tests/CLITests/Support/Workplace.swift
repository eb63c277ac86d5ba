import AsyncHTTPClient
import Engine
import Foundation
import NIOCore
import NIOHTTP1
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A directory of its own for one test, with a home, a database, and the built program.
final class Workplace: Sendable {
  let root: String
  var home: String { root + "/home" }
  var database: String { root + "/orgloop.db" }
  var socket: String { root + "/orgloop.sock" }

  /// What one call of the program came to.
  struct Outcome: Sendable {
    /// 128 + number when a signal ended it, as a shell says it.
    let status: Int32
    let output: String
    let error: String

    /// - Throws: When stdout is not one JSON document.
    func json() throws -> JSONValue {
      try JSONText(checking: Array(output.utf8), limits: .trusted).value()
    }

    func errorJSON() throws -> JSONValue {
      try JSONText(checking: Array(error.utf8), limits: .trusted).value()
    }
  }

  /// A program that ends without reading its input must not end the tests.
  private static let ignoresBrokenPipes: Bool = {
    signal(SIGPIPE, SIG_IGN)
    return true
  }()

  /// - Parameter project: The text of `orgloop.yaml`; nil writes none.
  init(project: String? = Workplace.project()) throws {
    _ = Workplace.ignoresBrokenPipes
    root = NSTemporaryDirectory() + "orgloop-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(
      atPath: root + "/home", withIntermediateDirectories: true)
    if let project { try write("orgloop.yaml", project) }
  }

  deinit {
    // Nothing a test started may outlive it, whatever the test expected.
    let pids = (try? String(contentsOfFile: root + "/pids", encoding: .utf8)) ?? ""
    for pid in pids.split(separator: "\n").compactMap({ Int32($0) }) { kill(pid, SIGKILL) }
    // A directory that stays behind breaks no other test.
    try? FileManager.default.removeItem(atPath: root)
  }

  func write(_ path: String, _ text: String) throws {
    let file = URL(filePath: root + "/" + path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  /// Who may do what with a file.
  func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: root + "/" + path)[.posixPermissions] as? Int
  }

  /// Calls the program in the test's directory and waits for its end.
  @discardableResult
  func run(
    _ arguments: String..., input: String = "", environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await run(arguments, input: input, environment: environment)
  }

  /// - Parameter user: Number of the user, in no group but the one of that number; nil is the
  ///   test's own. Only root can be another.
  func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:],
    user: UInt32? = nil
  ) async throws -> Outcome {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let usual = [
      "HOME": home, "PATH": path, "ORGLOOP_DB": database, "NO_COLOR": "1",
      // Whatever else uses the usual port on this machine.
      "ORGLOOP_PORT": "0",
    ]
    let values = usual.merging(environment) { $1 }
    var words = [try Workplace.program()] + arguments
    if let user {
      // Not by Subprocess: its child has no libc that knows of it, in which setuid can hang.
      words = ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"] + words
    }
    let configuration = Configuration(
      executable: .path(FilePath(words[0])), arguments: Arguments(Array(words.dropFirst())),
      // As bytes with their NUL: Subprocess hands each row to strdup.
      environment: .custom(values.map { Array("\($0.key)=\($0.value)".utf8) + [0] }),
      workingDirectory: FilePath(root))
    let result = try await Child.run(configuration, input: input)
    let status: Int32 =
      switch result.ending {
      case .exited(let code): code
      case .signaled(let number): 128 + number
      }
    return Outcome(status: status, output: result.output, error: result.error)
  }

  /// The program beside the test bundle.
  private static func program() throws -> String {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let beside = URL(filePath: bundle).deletingLastPathComponent().appending(path: "orgloop").path
    if FileManager.default.isExecutableFile(atPath: beside) { return beside }
    // Run by a helper of the toolchain: the bundle is its argument.
    let given = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
    return URL(filePath: given).deletingLastPathComponent().appending(path: "orgloop").path
  }
}

/// A runtime that answers.
struct Running: Sendable {
  let pid: Int32
  let address: String

  init(_ report: JSONValue) throws {
    pid = Int32(try #require(report["pid"]?.int64))
    address = try #require(report["http"]?.string)
  }

  /// Posts a webhook; the status and the body of the answer.
  func post(
    _ body: String, to source: String = "in"
  ) async throws -> (status: UInt, body: JSONValue) {
    try await post(body, path: "/webhook/" + source)
  }

  func post(_ body: String, path: String) async throws -> (status: UInt, body: JSONValue) {
    var request = HTTPClientRequest(url: "http://\(address)\(path)")
    request.method = .POST
    request.body = .bytes(ByteBuffer(string: body))
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
    let bytes = try await response.body.collect(upTo: 1 << 20)
    let text = try JSONText(checking: Array(bytes.readableBytesView), limits: .trusted)
    return (response.status.code, text.value())
  }
}

extension Workplace {
  /// A webhook source `in` that leads to a command.
  static func project(
    command: String = "cat > /dev/null", source: String = "{}", more: String = ""
  ) -> String {
    """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - id: in
        connector: webhook
        config: \(source)
    actors:
      - id: out
        connector: exec
        config: { command: [sh, -c, '\(command)'] }
    routes:
      - name: through
        when: { source: in }
        then: { actor: out }
    \(more)

    """
  }

  /// Starts the runtime in the background on a free port.
  func start(
    _ arguments: String..., environment: [String: String] = [:]
  ) async throws -> Running {
    let outcome = try await run(
      ["start", "--daemon", "--port", "0", "--json"] + arguments, environment: environment)
    try #require(outcome.status == 0, "\(outcome.error)")
    let running = try Running(try outcome.json())
    try note(running.pid)
    return running
  }

  /// Asks until a runtime answers; it was started in the foreground.
  func untilRunning() async throws -> Running {
    try await eventually("a runtime answers") {
      let status = try await self.run("status", "--json").json()
      guard status["running"] == true, let pid = status["pid"]?.int64,
        let port = status["http_port"]?.int64
      else { return nil }
      try self.note(Int32(pid))
      return try Running(["pid": JSONValue(pid), "http": .string("127.0.0.1:\(port)")])
    }
  }

  /// Asks until every delivery of an event is settled; the event then.
  func untilSettled(_ id: String) async throws -> JSONValue {
    try await eventually("\(id) is settled") {
      let event = try await self.run("events", "show", id, "--json").json()
      return event["state"] == "settled" ? event : Optional.none
    }
  }

  /// Remembers a process that must not outlive the test.
  func note(_ pid: Int32) throws {
    let known = (try? String(contentsOfFile: root + "/pids", encoding: .utf8)) ?? ""
    try write("pids", known + "\(pid)\n")
  }
}

/// Asks again and again until there is an answer, at most 60 s: the machine may be busy, but what
/// is waited for must come.
func eventually<Value: Sendable>(
  _ what: String, _ body: () async throws -> Value?
) async throws -> Value {
  let end = ContinuousClock.now + .seconds(60)
  while ContinuousClock.now < end {
    if let value = try await body() { return value }
    await Task.yield()
  }
  throw NeverCame(what: what)
}

struct NeverCame: Error { let what: String }
