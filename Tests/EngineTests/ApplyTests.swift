import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Several modules are brought to another state together, or stay as they are.
@Suite(.timeLimit(.minutes(3))) struct ApplyTests {
  private var world: (catalog: ConnectorCatalog, actor: TestActor) {
    let world = ModuleWorld()
    var connectors = world.catalog.connectors
    // One that mounts itself where its configuration says.
    connectors["push"] = ConnectorDescriptor(
      name: "push",
      source: .init(
        mode: { _ in .push }, fields: [],
        make: { config, _ in .push(MountedSource(path: config["path"]?.string)) }))
    return (ConnectorCatalog(connectors: Array(connectors.values)), world.actor)
  }

  /// A module that has one route of the given name.
  private func module(
    _ name: String, route: String = "all", actor: String = "out", source: String = "push",
    path: String? = nil, alias: String? = nil
  ) -> ModuleDefinition {
    var definition = ModuleWorld.module(
      name, source: source, actor: actor,
      routes: [
        RouteDefinition(
          name: route, sources: [SourceReference(id: "in")], actor: ActorReference(id: "out"))
      ])
    definition.alias = alias
    if let path { definition.sources[0].config["path"] = .string(path) }
    definition.contentHash += "\(path ?? "") \(alias ?? "")"
    return definition
  }

  private func order(
    _ definitions: [ModuleDefinition], removing: [String] = [], _ policy: RemovedPolicy = .park,
    on runtime: Runtime
  ) async throws -> ApplyOrder {
    let change = ChangeGroup("apply")
    let base = try await runtime.planBase(for: Set(definitions.map(\.name)))
    return ApplyOrder(
      removals: removing,
      arrivals: definitions.map {
        ModuleOrder($0, isFromBoot: true, requester: "alice", change: change)
      },
      onRemoved: policy, requester: "alice",
      base: Dictionary(
        base.modules.compactMap { module in module.generation.map { (module.name, $0) } },
        uniquingKeysWith: { first, _ in first }),
      change: change)
  }

  private func routes(_ runtime: Runtime) -> [String] {
    runtime.loadedDefinitions.map { "\($0.name) \($0.routes.map(\.name))" }
  }

  /// From now on no configuration of a module can be stored.
  private func breakStorage(_ path: String, of module: String) throws {
    try SQLiteFile(path, writable: true).rows(
      """
      CREATE TRIGGER broken BEFORE INSERT ON generations
      WHEN NEW.module = (SELECT key FROM modules WHERE name = '\(module)')
      BEGIN SELECT RAISE(ABORT, 'injected'); END
      """)
  }

  @Test func `when the last of three modules fails, all three run as before`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.db"
    let before = ["a", "b", "c"].map { module($0) }
    try await withRuntime(path, modules: before, catalog: world.catalog) { runtime, _ in
      try breakStorage(path, of: "c")
      let order = try await order(
        ["a", "b", "c"].map { module($0, route: "next") }, on: runtime)
      let error = await #expect(throws: EngineError.self) { try await runtime.apply(order) }
      #expect(error?.message.hasPrefix("module c: ") == true, "\(String(describing: error))")
      #expect(error?.message.hasSuffix("; a, b brought back, so nothing is changed") == true)
      #expect(routes(runtime) == before.map { "\($0.name) [\"all\"]" })
      for name in ["a", "b", "c"] {
        #expect(await runtime.send(to: name).isAccepted)
      }
      let history = try SQLiteFile(path).rows(
        "SELECT module, action, change FROM v_generations WHERE generation > 3 ORDER BY generation")
      #expect(
        history == [
          ["a", "apply", "4"], ["b", "apply", "4"], ["b", "undo", "4"], ["a", "undo", "4"],
        ])
    }
  }

  @Test func `what cannot be made changes nothing and leaves no trace`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.db"
    try await withRuntime(
      path, modules: [module("a"), module("b")], catalog: world.catalog
    ) { runtime, _ in
      let order = try await order(
        [module("a", route: "next"), module("n"), module("b", actor: "broken")], on: runtime)
      let error = await #expect(throws: EngineError.self) { try await runtime.apply(order) }
      #expect(error?.code == .invalid)
      #expect(error?.description.hasPrefix("module b: actor out cannot be made") == true)
      #expect(routes(runtime) == ["a [\"all\"]", "b [\"all\"]"])
      #expect(try SQLiteFile(path).value("SELECT count(*) FROM generations") == "2")
      #expect(try await runtime.states() == ["a active", "b active"])
    }
  }

  @Test func `a module that came is gone again, and one that went is back`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.db"
    // The name of the module that goes is to be the alias of another: it has to go first.
    try await withRuntime(
      path, modules: [module("default"), module("shop"), module("z")], catalog: world.catalog
    ) { runtime, _ in
      try breakStorage(path, of: "z")
      let order = try await order(
        [module("default", alias: "shop"), module("new"), module("z", route: "next")],
        removing: ["shop"], on: runtime)
      let error = await #expect(throws: EngineError.self) { try await runtime.apply(order) }
      #expect(
        error?.message.hasSuffix("; shop, default, new brought back, so nothing is changed")
          == true, "\(String(describing: error))")
      #expect(
        routes(runtime) == ["default [\"all\"]", "shop [\"all\"]", "z [\"all\"]"])
      #expect(
        try await runtime.states() == [
          "default active", "new removed", "shop active", "z active",
        ])
      #expect(await runtime.send(to: "shop").isAccepted)
      #expect(try await runtime.knownModule("default")?.alias == nil)

      try SQLiteFile(path, writable: true).rows("DROP TRIGGER broken")
      try await runtime.apply(
        try await self.order(
          [module("default", alias: "shop"), module("new"), module("z", route: "next")],
          removing: ["shop"], on: runtime))
      #expect(
        routes(runtime) == ["default [\"all\"]", "new [\"all\"]", "z [\"next\"]"])
      #expect(try await runtime.knownModule("shop")?.name == "shop")
    }
  }

  @Test func `two modules may exchange their paths`() async throws {
    let scratch = try Scratch()
    try await withRuntime(
      scratch.path + "/a.db", modules: [module("a", path: "/one"), module("b", path: "/two")],
      catalog: world.catalog
    ) { runtime, _ in
      try await runtime.apply(
        try await order([module("a", path: "/two"), module("b", path: "/one")], on: runtime))
      let one = await runtime.receiveWebhook(path: "/one", request: .test("{}"))
      #expect(one?.isAccepted == true)
      let sources = try await runtime.inspector.events(EventQuery()).items
      #expect(sources.first?["module"] == "b")
      // Another module cannot have it, and the reservation is over.
      let error = await #expect(throws: EngineError.self) {
        _ = try await runtime.load(module("c", path: "/one"))
      }
      #expect(error?.code == .conflict)
      _ = try await runtime.load(module("c", path: "/three"))
    }
  }

  @Test func `an exchange of paths that fails later is undone`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.db"
    let before = [module("a", path: "/one"), module("b", path: "/two"), module("c")]
    try await withRuntime(path, modules: before, catalog: world.catalog) { runtime, _ in
      try breakStorage(path, of: "c")
      let order = try await order(
        [module("a", path: "/two"), module("b", path: "/one"), module("c", route: "next")],
        on: runtime)
      let error = await #expect(throws: EngineError.self) { try await runtime.apply(order) }
      #expect(
        error?.message.hasSuffix("; a, b brought back, so nothing is changed") == true,
        "\(String(describing: error))")
      #expect(await runtime.receiveWebhook(path: "/one", request: .test("{}"))?.isAccepted == true)
      #expect(try await runtime.inspector.events(EventQuery()).items.first?["module"] == "a")
      #expect(await runtime.receiveWebhook(path: "/two", request: .test("{}"))?.isAccepted == true)
      #expect(try await runtime.inspector.events(EventQuery()).items.first?["module"] == "b")
    }
  }

  @Test func `deliveries of removed routes are dropped when all is done, not before`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/a.db"
    try await withRuntime(
      path, modules: [module("a"), module("b")], catalog: world.catalog
    ) { runtime, _ in
      _ = try await runtime.pause(
        .targets([PauseTarget(.route, "all", module: "a")]), reason: nil, durationMs: nil,
        requester: "alice")
      #expect(await runtime.send(to: "a").isAccepted)
      let arrivals = [module("a", route: "next"), module("b", route: "next")]
      try breakStorage(path, of: "b")
      let failing = try await order(arrivals, .drop, on: runtime)
      await #expect(throws: EngineError.self) { try await runtime.apply(failing) }
      let count = "SELECT count(*) FROM v_deliveries WHERE settled_at IS NULL"
      #expect(try SQLiteFile(path).value(count) == "1")
      try SQLiteFile(path, writable: true).rows("DROP TRIGGER broken")
      try await runtime.apply(try await order(arrivals, .drop, on: runtime))
      #expect(try SQLiteFile(path).value(count) == "0")
    }
  }

  @Test func `an apply for modules that have changed meanwhile is refused`() async throws {
    let scratch = try Scratch()
    try await withRuntime(
      scratch.path + "/a.db", modules: [module("a")], catalog: world.catalog
    ) { runtime, _ in
      let stale = try await order([module("a", route: "next")], on: runtime)
      _ = try await runtime.unload("a")
      let error = await #expect(throws: EngineError.self) { try await runtime.apply(stale) }
      #expect(error?.code == .conflict)
    }
  }
}

private struct MountedSource: PushSource {
  let path: String?

  func receive(_ request: WebhookRequest) async throws -> WebhookReception {
    try await TestPushSource().receive(request)
  }

  func close() async {}
}

extension WebhookAnswer {
  fileprivate var isAccepted: Bool { if case .accepted = self { true } else { false } }
}
