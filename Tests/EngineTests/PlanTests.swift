import Engine
import TestSupport
import Testing

/// What a plan says of two states, and what it keeps to itself (cli-http.md 2.2).
@Suite struct PlanTests {
  /// - Parameters:
  ///   - documents: As the files are written, before variables are replaced.
  ///   - params: The parameters as they were given.
  private func module(
    _ name: String = "default", config: JSONObject = [:], documents: String = "{}",
    params: String = "{}", routes: [RouteDefinition] = [.test()]
  ) throws -> ModuleDefinition {
    var module = ModuleWorld.module(name, routes: routes)
    module.actors[0].config = config
    module.documents = try JSONText(
      checking: Array(
        #"{"documents":{"orgloop.yaml":\#(documents)},"params":\#(params)}"#.utf8))
    module.contentHash += " \(documents) \(params) \(config.members)"
    return module
  }

  private func base(
    _ modules: [ModuleDefinition], unsettled: [String: Int] = [:]
  ) -> PlanBase {
    var base = PlanBase(generation: 7)
    base.modules = modules.map {
      PlanBase.Module(
        name: $0.name, generation: 7, contentHash: $0.contentHash, definition: $0)
    }
    if let first = modules.first { base.unsettled = [first.name: unsettled] }
    return base
  }

  private func plan(
    _ old: ModuleDefinition, _ new: ModuleDefinition, unsettled: [String: Int] = [:],
    onRemoved: RemovedPolicy = .park
  ) -> ModulePlan {
    ModulePlan(from: base([old], unsettled: unsettled), to: [new], onRemoved: onRemoved)
  }

  private func changes(_ plan: ModulePlan, _ kind: ModulePlan.Kind = .actors) -> [FieldChange] {
    (plan.items[kind] ?? []).flatMap(\.changes)
  }

  @Test func `where nothing differs nothing is to do`() throws {
    let module = try module()
    let plan = plan(module, module, unsettled: ["all": 3])
    #expect(plan.summary.isEmpty)
    #expect(plan.impact.isEmpty)
    #expect(plan.items.values.joined().allSatisfy { $0.action == .unchanged })
    #expect(plan.baseGeneration == 7)
  }

  @Test func `without anything before everything is added, and the module counts no object`() throws
  {
    let plan = ModulePlan(from: PlanBase(), to: [try module("ops")], onRemoved: .park)
    #expect(plan.modules(.add) == ["ops"])
    #expect(plan.summary.add == 3)
    #expect(plan.items[.routes]?.first?.detail == "in → out")
    #expect(plan.baseGeneration == nil)
    var off = RouteDefinition.test("off")
    off.isEnabled = false
    let disabled = ModulePlan(
      from: PlanBase(), to: [try module("ops", routes: [off])], onRemoved: .park)
    #expect(disabled.items[.routes]?.first?.detail == "in → out (disabled)")
  }

  @Test func `one plan has one id, and another step another`() throws {
    let (old, new) = (try module(), try module(routes: [.test("other")]))
    let id = plan(old, new).id
    #expect(id == plan(old, new).id)
    #expect(id.wholeMatch(of: /pln_[0-9a-f]{32}/) != nil)
    var later = base([old])
    later.modules[0].generation = 8
    let others = [
      plan(old, old), plan(new, old), plan(old, new, onRemoved: .drop),
      ModulePlan(from: later, to: [new], onRemoved: .park),
      ModulePlan(from: PlanBase(), to: [new], onRemoved: .park),
    ]
    #expect(Set(others.map(\.id) + [id]).count == 6)
  }

  @Test func `a written value is shown, and one that a variable brought in is not`() throws {
    let old = try module(
      config: ["url": "http://a", "note": "hunter-one", "retries": 1],
      documents: #"{"actors":[{"config":{"url":"http://a","note":"${NOTE}","retries":1}}]}"#)
    let new = try module(
      config: ["url": "http://b", "note": "hunter-two", "retries": 2],
      documents: #"{"actors":[{"config":{"url":"http://b","note":"${NOTE}","retries":2}}]}"#)
    let plan = plan(old, new)
    #expect(
      changes(plan) == [
        FieldChange(path: "config.url", from: "http://a", to: "http://b"),
        FieldChange(path: "config.note", from: "***", to: "***"),
        FieldChange(path: "config.retries", from: 1, to: 2),
      ])
    #expect(!JSONText(.object(plan.json)).description.contains("hunter"))
  }

  @Test func `what sounds like a credential is hidden even where it is written`() throws {
    let old = try module(
      config: ["headers": ["X-Api-Key": "abc"], "cookie": "one"],
      documents: #"{"headers":{"X-Api-Key":"abc"},"cookie":"one"}"#)
    let new = try module(
      config: ["headers": ["X-Api-Key": "abd"]], documents: #"{"headers":{"X-Api-Key":"abd"}}"#)
    #expect(
      changes(plan(old, new)) == [
        FieldChange(path: "config.headers.X-Api-Key", from: "***", to: "***"),
        FieldChange(path: "config.cookie", from: "***", to: nil),
      ])
  }

  @Test func `a value written under another key is not taken for this one`() throws {
    let old = try module(config: ["pin": "1234"], documents: #"{"port":"1234","pin":"${PIN}"}"#)
    let new = try module(config: ["pin": "5678"], documents: #"{"pin":"${PIN}"}"#)
    #expect(changes(plan(old, new)).map(\.from) == ["***"])
  }

  /// A module whose actor has a value made of a parameter.
  private func parametrised(
    _ value: JSONValue, written: String = "{{ params.ch }}", params: String
  ) throws -> ModuleDefinition {
    try module(
      config: ["env": ["CH": value]], documents: #"{"env":{"CH":"\#(written)"}}"#, params: params)
  }

  @Test func `a value that a parameter brought in is shown where the parameter is written`() throws
  {
    let whole = try plan(
      parametrised("hand", params: #"{"ch":"hand"}"#),
      parametrised("prod", params: #"{"ch":"prod"}"#))
    #expect(
      changes(whole) == [FieldChange(path: "config.env.CH", from: "hand", to: "prod")])
    let written = #"\\{{ params.ch }} #{{params.ch}} of {{ params.n }} {{ payload.ch }}"#
    let part = try plan(
      parametrised(
        #"\{{ params.ch }} #a of 5 {{ payload.ch }}"#, written: written,
        params: #"{"ch":"a","n":5}"#),
      parametrised(7, params: #"{"ch":"7"}"#))
    #expect(
      changes(part) == [
        FieldChange(
          path: "config.env.CH", from: #"\{{ params.ch }} #a of 5 {{ payload.ch }}"#, to: 7)
      ])
  }

  static let hiddenParameters = [
    (#"{"ch":"${CHANNEL}"}"#, #"{"ch":"${CHANNEL:-prod}"}"#, "{{ params.ch }}"),
    (#"{"chat_token":"hand"}"#, #"{"chat_token":"prod"}"#, "{{ params.chat_token }}"),
    (#"{"ch":"***"}"#, #"{"ch":"***"}"#, "{{ params.ch }}"),
    (#"{"ch":"and"}"#, #"{"ch":"rod"}"#, "${LETTER}{{ params.ch }}"),
  ]

  @Test(arguments: hiddenParameters)
  func `what may be a secret is hidden behind a parameter too`(
    _ old: String, _ new: String, _ written: String
  ) throws {
    let plan = try plan(
      parametrised("hand", written: written, params: old),
      parametrised("prod", written: written, params: new))
    #expect(changes(plan) == [FieldChange(path: "config.env.CH", from: "***", to: "***")])
  }

  /// A module with a route that has a filter, as a file brings it.
  private func filtered(
    _ condition: Condition, written: String, params: String = "{}"
  ) throws -> ModuleDefinition {
    var route = RouteDefinition.test()
    let path = try #require(DotPath("payload.branch"))
    route.filter = Filter(
      entries: [Filter.Entry(path: path, condition: condition, shown: written)])
    return try module(
      documents: #"{"filter":{"payload.branch":\#(written)}}"#, params: params, routes: [route])
  }

  @Test func `a filter is shown with its parameters filled in`() throws {
    let written = #""{{ params.branch }}""#
    let plan = try plan(
      filtered(.equals("main"), written: written, params: #"{"branch":"main"}"#),
      filtered(.equals("next"), written: written, params: #"{"branch":"next"}"#))
    #expect(
      changes(plan, .routes) == [
        FieldChange(path: "when.filter.payload.branch", from: "main", to: "next")
      ])
    let prefix = try self.plan(
      filtered(.equals(1), written: "1"),
      filtered(
        .prefix("rel/9", ignoreCase: false), written: #"{"prefix":"rel/{{ params.n }}"}"#,
        params: #"{"n":9}"#))
    #expect(changes(prefix, .routes).map(\.to) == [["prefix": "rel/9"]])
  }

  @Test func `what reads the same on both sides is hidden`() throws {
    let variable = try plan(
      filtered(.equals("a"), written: #""${BRANCH}""#),
      filtered(.equals("b"), written: #""${BRANCH}""#))
    #expect(changes(variable, .routes).map(\.from) == ["***"])
    #expect(changes(variable, .routes).map(\.to) == ["***"])
    let parameter = try plan(
      filtered(
        .equals("a"), written: #""{{ params.branch }}""#, params: #"{"branch":"${BRANCH}"}"#),
      filtered(.equals("b"), written: #""b""#))
    #expect(changes(parameter, .routes).map(\.from) == ["***"])
    #expect(changes(parameter, .routes).map(\.to) == ["b"])
  }

  /// What is written, and what a plan shows of it.
  static let addresses: [(String, String)] = [
    ("https://user:pw123456@h/x?token=abcdefgh", "https://***@h/x?token=***"),
    ("https://h:8080/x/y", "https://h:8080/x/y"),
    ("https://pw123456@h", "https://***@h"),
    ("https://a@b:pw123456@h/@scope/x", "https://***@h/@scope/x"),
    ("amqp+ssl://u:pw123456@[::1]:5671/v", "amqp+ssl://***@[::1]:5671/v"),
    ("http://h/?a=one&b=&c=x=y;d#e=f", "http://h/?a=***&b=***&c=***#***"),
    ("http://h?abcdefgh", "http://h?***"), ("http://h/x#part", "http://h/x#***"),
    ("http://h/x?#", "http://h/x?#"),
    (
      "curl -d '{}' 'https://u:pw123456@h/?t=abcdefgh' http://i/?q=r | mail a@b.c",
      "curl -d '{}' 'https://***@h/?t=***' http://i/?q=*** | mail a@b.c"
    ),
    ("say a://b to a@b?c=d", "say a://b to a@b?c=d"), ("://u:pw123456@h", "://***@h"),
    ("http://u:a/b?c#pw123456@h:1/x", "http://***@h:1/x"), ("http://h:1/a@b", "http://h:1/a@b"),
    ("{{ payload.url }}?a=b", "{{ payload.url }}?a=b"),
  ]

  @Test(arguments: addresses)
  func `of an address neither its user nor the values of its query are shown`(
    _ written: String, _ shown: String
  ) throws {
    let text = JSONText(.string(written)).description
    let plan = try plan(
      module(config: ["url": .string(written)], documents: #"{"url":\#(text)}"#), module())
    #expect(
      changes(plan).first { $0.path == "config.url" }
        == FieldChange(path: "config.url", from: .string(shown), to: nil))
    #expect(!JSONText(.object(plan.json)).description.contains("pw123456"))
  }

  @Test func `a prompt and a script count as content`() throws {
    var (old, new) = (RouteDefinition.test(), RouteDefinition.test())
    old.prompt = PromptFile(path: "/p.md", captured: "one")
    new.prompt = PromptFile(path: "/p.md", captured: "two")
    func step(_ hash: String) -> TransformStep {
      TransformStep(name: "clean", kind: .script("/c.sh"), contentHash: hash)
    }
    old.transforms = [step("aaaaaaaaaaaaaaaa")]
    new.transforms = [step("bbbbbbbbbbbbbbbb")]
    let plan = plan(try module(routes: [old]), try module(routes: [new]))
    let route = try #require(plan.items[.routes]?.first)
    #expect(route.detail == "content changed")
    #expect(route.changes.map(\.path) == ["transforms.clean.script", "with.prompt_file"])
    let transform = try #require(plan.items[.transforms]?.first)
    #expect(transform.action == .change)
    #expect(transform.detail == "content changed")
    #expect(transform.changes.first?.to == "sha256:bbbbbbbbbbbb")
  }

  @Test func `an object of another module is shown with its module`() throws {
    let new = RouteDefinition.test("cross")
    var changed = new
    changed.sources = [SourceReference(module: "engineering", id: "github")]
    let plan = plan(try module(routes: [new]), try module(routes: [changed]))
    #expect(
      changes(plan, .routes) == [
        FieldChange(path: "when.source", from: ["in"], to: ["engineering:github"])
      ])
  }

  @Test func `another connector starts without a checkpoint, and times read as they are written`()
    throws
  {
    let old = try module()
    var new = old
    new.sources[0].connector = "poll"
    new.sources[0].pollIntervalMs = 300_000
    let source = try #require(plan(old, new).items[.sources]?.first)
    #expect(source.detail == "another connector: it starts without a checkpoint")
    #expect(source.changes.last == FieldChange(path: "poll.interval", from: "1m", to: "5m"))
  }

  static let policies: [(RemovedPolicy, ModulePlan.Fate)] = [
    (.park, .parked), (.drain, .drained), (.drop, .dropped),
  ]

  @Test(arguments: policies)
  func `what a route that goes has left shares the fate that was asked for`(
    _ policy: RemovedPolicy, _ fate: ModulePlan.Fate
  ) throws {
    let old = try module(routes: [.test("all"), .test("pager")])
    let plan = plan(
      old, try module(), unsettled: ["pager": 41, "all": 2, "earlier": 5], onRemoved: policy)
    #expect(
      plan.impact
        == [ModulePlan.Impact(route: "pager", module: "default", unsettled: 41, fate: fate)])
  }

  @Test func `a route that is disabled parks, one that changes goes on with what it says then`()
    throws
  {
    var disabled = RouteDefinition.test("a")
    disabled.isEnabled = false
    let old = try module(routes: [.test("a"), .test("b"), .test("c"), .test("d")])
    let new = try module(
      routes: [
        disabled, .test("b", config: ["x": 1]), .test("c", config: ["x": 1]), .test("d"),
        .test("new"),
      ])
    var base = base([old], unsettled: ["a": 1, "b": 2, "c": 3, "d": 4, "new": 5])
    base.paused = ["default": ["c"]]
    let plan = ModulePlan(from: base, to: [new], onRemoved: .drop)
    #expect(plan.impact.map(\.route) == ["a", "b", "c", "new"])
    #expect(plan.impact.map(\.fate) == [.parked, .newDefinition, .paused, .resumed])
  }

  @Test func `a route to an actor of a module that goes waits`() throws {
    let listener = try module(
      "other", routes: [ModuleWorld.route("far", toModule: "gone"), .test("near")])
    var base = base([try module("gone")])
    base.others = [listener]
    base.unsettled = ["other": ["far": 2, "near": 1]]
    let plan = ModulePlan(from: base, to: [], onRemoved: .park)
    #expect(plan.modules(.remove) == ["gone"])
    #expect(plan.summary.remove == 3)
    #expect(
      plan.impact
        == [ModulePlan.Impact(route: "far", module: "other", unsettled: 2, fate: .waiting)])
  }

  @Test func `a module that an operator has unloaded is left alone`() throws {
    let plan = ModulePlan(
      from: PlanBase(kept: ["ops"]), to: [try module("ops")], onRemoved: .park)
    #expect(plan.modules(.unchanged) == ["ops"])
    #expect(plan.summary.isEmpty)
  }

  @Test func `with the hashes alone a module is the same or not, and its objects are not told`()
    throws
  {
    let (same, changed) = (try module("same"), try module("changed"))
    var base = PlanBase(generation: 3)
    base.modules = [
      PlanBase.Module(name: "same", generation: 2, contentHash: same.contentHash),
      PlanBase.Module(name: "changed", generation: 3, contentHash: "older"),
      PlanBase.Module(name: "gone", generation: 1, contentHash: "x"),
    ]
    base.unsettled = ["changed": ["all": 1, "before": 2], "gone": ["all": 3], "same": ["all": 4]]
    let plan = ModulePlan(from: base, to: [same, changed], onRemoved: .park)
    #expect(plan.items[.modules]?.map(\.action) == [.unchanged, .change, .remove])
    #expect(plan.items[.routes]?.map(\.module) == ["same"])
    #expect((plan.summary.add, plan.summary.change, plan.summary.remove) == (0, 1, 1))
    #expect(plan.impact.map(\.fate) == [.newDefinition, .parked, .parked])
  }
}
