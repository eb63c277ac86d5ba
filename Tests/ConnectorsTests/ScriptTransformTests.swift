import Connectors
import Engine
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ScriptTransformTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func apply(
    _ body: String, mode: mode_t = 0o755, config: JSONObject = [:],
    environment: [String: String] = [:], source: String = "src"
  ) async throws -> TransformResult {
    let path = try workspace.script(body, mode: mode)
    let step = TransformStep(
      name: "t1", kind: .script(path), config: config, environment: environment)
    let transform = try ScriptTransform(step, runner: Fixture.runner())
    return try await transform.apply(
      Fixture.event, context: Fixture.transformContext(root: workspace.path, source: source))
  }

  private func failure(_ body: String) async -> String? {
    let error = await #expect(throws: TransformFailure.self) { try await apply(body) }
    return error?.message
  }

  @Test func `one object on stdout replaces the event`() async throws {
    guard case .replace(let text) = try await apply("cat") else {
      Issue.record("the event was not replaced")
      return
    }
    #expect(text == Fixture.event)
  }

  @Test func `blank stdout drops, and the last line of stderr is the reason`() async throws {
    guard case .drop(let reason) = try await apply("echo one >&2; echo two >&2; echo; echo ' '")
    else {
      Issue.record("the event was not dropped")
      return
    }
    #expect(reason == "two")
  }

  @Test func `exit 1 drops whatever was printed`() async throws {
    guard case .drop(let reason) = try await apply("echo '{\"a\":1}'; exit 1") else {
      Issue.record("the event was not dropped")
      return
    }
    #expect(reason == nil)
  }

  @Test(
    arguments: [
      ("echo why >&2; exit 2", "exit status 2: why"), ("kill -15 $$", "signal 15"),
      ("echo '{\"a\":1} {\"b\":2}'", "not one JSON text"), ("echo '[1]'", "not an object"),
      ("echo no", "not one JSON text"), ("echo '{\"a\":1,\"a\":2}'", "not one JSON text"),
      ("printf '{\"a\":\"\\377\"}'", "not one JSON text"), ("exec cat /dev/zero", "10 MiB"),
    ])
  func `anything else is a failure that says why`(_ body: String, _ text: String) async {
    #expect(await failure(body)?.contains(text) == true)
  }

  @Test func `output that is no JSON is not repeated in the error`() async {
    #expect(await failure("echo canary-in-output")?.contains("canary") == false)
  }

  @Test(arguments: ["cat", "true", "exit 1", "exit 2", "echo no"])
  func `what a script prints to stderr is kept however it ends`(_ end: String) async throws {
    let path = try workspace.script("echo one >&2; printf 'two é' >&2; \(end)")
    let transform = try ScriptTransform(
      TransformStep(name: "t1", kind: .script(path)), runner: Fixture.runner())
    let context = Fixture.transformContext(root: workspace.path)
    #expect(context.output.text == nil)
    _ = try? await transform.apply(Fixture.event, context: context)
    #expect(context.output.text == "one\ntwo é")
  }

  @Test func `what a script that was stopped had printed is kept`() async throws {
    let path = try workspace.script("echo hanging >&2; : > started; sleep 600")
    let transform = try ScriptTransform(
      TransformStep(name: "t1", kind: .script(path)), runner: Fixture.runner())
    let context = Fixture.transformContext(root: workspace.path)
    let running = Task { try await transform.apply(Fixture.event, context: context) }
    while context.output.text == nil { await Task.yield() }
    running.cancel()
    await #expect(throws: (any Error).self) { try await running.value }
    #expect(context.output.text == "hanging\n")
  }

  @Test func `the last 64 KiB of what was printed are kept, from a whole character on`() {
    let output = TransformOutput()
    for _ in 0..<30 { output.append(String(repeating: "é", count: 10_000).utf8) }
    output.append("x".utf8)
    #expect(output.text == String(repeating: "é", count: 32_767) + "x")
  }

  @Test func `a result that is larger than an event may be says so`() async {
    let body = "printf '{\"a\":\"'; head -c 4200000 /dev/zero | tr '\\0' x; printf '\"}'"
    #expect(
      await failure(body) == "the result has 4200008 bytes; an event may have 4 MiB")
  }

  @Test(arguments: [
    ("#!/bin/sh\r\ncat\r\n", "its first line ends with a carriage return"),
    (
      "#!/no/such/interpreter -x\ncat\n",
      "its first line names /no/such/interpreter, which is missing"
    ),
  ])
  func `a script whose interpreter is not found says so`(text: String, message: String) async throws
  {
    let path = try workspace.script("cat")
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    let transform = try ScriptTransform(
      TransformStep(name: "t1", kind: .script(path)), runner: Fixture.runner())
    let error = await #expect(throws: TransformFailure.self) {
      try await transform.apply(
        Fixture.event, context: Fixture.transformContext(root: workspace.path))
    }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `a script that is gone says that it is run from the disk`() async throws {
    let path = try workspace.script("cat")
    let transform = try ScriptTransform(
      TransformStep(name: "t1", kind: .script(path)), runner: Fixture.runner())
    try FileManager.default.removeItem(atPath: path)
    let error = await #expect(throws: ConnectorError.self) {
      try await transform.apply(
        Fixture.event, context: Fixture.transformContext(root: workspace.path))
    }
    #expect(error?.hint?.contains("put it back; scripts are run from the disk") == true)
  }

  @Test func `a script gets exactly the variables of the contract`() async throws {
    let result = try await apply(
      "env | grep -v '^_=' | grep -v '^PWD=' | grep -v '^SHLVL=' | grep -v '^OLDPWD=' | sort"
        + " > env.txt; echo",
      config: ["level": 3], environment: ["TOKEN": "t"])
    guard case .drop = result else {
      Issue.record("blank stdout did not drop")
      return
    }
    let expected = [
      "HOME=/tmp", "LANG=C", "ORGLOOP_EVENT_ID=evt_1", "ORGLOOP_EVENT_TYPE=resource.changed",
      "ORGLOOP_MODULE=mod", "ORGLOOP_ROUTE=r1", "ORGLOOP_SOURCE=src", "ORGLOOP_TARGET=act",
      "ORGLOOP_TRACE_ID=trc_1", "ORGLOOP_TRANSFORM=t1", "ORGLOOP_TRANSFORM_CONFIG={\"level\":3}",
      "PATH=/usr/bin:/bin", "TOKEN=t",
    ]
    #expect(workspace.text("env.txt")?.split(separator: "\n").map(String.init) == expected)
  }

  @Test func `a value with a line break cannot add a variable`() async throws {
    _ = try await apply(
      "printf '%s' \"$ORGLOOP_SOURCE\" > source.txt; echo", source: "a\nEVIL=1")
    #expect(workspace.text("source.txt") == "a\\nEVIL=1")
  }

  @Test func `a script has few files and dumps no core`() async throws {
    // The limits are set right after the start, so the script waits until it has them.
    let result = try await apply(
      """
      until tr -s ' ' < /proc/$$/limits | grep -q 'open files 64 64'; do :; done
      tr -s ' ' < /proc/$$/limits | grep -q 'core file size 0 0' || exit 9
      exit 1
      """)
    guard case .drop = result else {
      Issue.record("the script did not see its limits")
      return
    }
  }

  @Test(arguments: [0o775, 0o757, 0o777] as [mode_t])
  func `a script that others can write is refused`(_ mode: mode_t) async {
    let error = await #expect(throws: ConnectorError.self) { try await apply("cat", mode: mode) }
    #expect(error?.code == .refused)
    #expect(error?.hint?.contains("chmod") == true)
  }

  @Test func `a script that becomes writable after the start is not run`() async throws {
    let path = try workspace.script("cat")
    let transform = try ScriptTransform(
      TransformStep(name: "t1", kind: .script(path)), runner: Fixture.runner())
    try workspace.script("cat", mode: 0o777)
    await #expect(throws: ConnectorError.self) {
      try await transform.apply(
        Fixture.event, context: Fixture.transformContext(root: workspace.path))
    }
  }

  @Test func `a script that is missing, or a directory, is an error at load`() throws {
    for path in [workspace.path + "/none.sh", workspace.path] {
      let error = #expect(throws: ConnectorError.self) {
        try ScriptTransform(
          TransformStep(name: "t1", kind: .script(path)), runner: Fixture.runner())
      }
      #expect(error?.code == .cannotStart)
    }
  }
}
