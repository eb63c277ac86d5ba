import Engine
import HTTPTypes

/// The modules of a running runtime, asked about and changed by operators (cli-http.md 3.4).
struct ModuleAPI: Sendable {
  let gateway: any RuntimeGateway

  /// - Throws: What the gateway throws.
  func list(_ query: Substring) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    let all = parameters["all"] ?? "false"
    guard ["true", "false"].contains(all) else {
      return .problem(.badRequest, "all must be true or false")
    }
    return Answer(json: .array(try await gateway.modules(includesUnloaded: all == "true")))
  }

  /// - Throws: What the gateway throws, but for a module that does not exist.
  func status(_ name: String) async throws -> Answer {
    try await answering { Answer(json: try await gateway.module(name)) }
  }

  /// - Throws: What the gateway throws, but for what a caller can mend; ``ControlBody/Problem``.
  func load(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    var request = ModuleLoadRequest(try ModuleAPI.target(body))
    request.name = try body.string("name")
    request.parameters = try body.parameters("params")
    return try await answering { [request] in
      Answer(.created, json: try await gateway.loadModule(request, by: caller))
    }
  }

  private static func target(
    _ body: ControlBody
  ) throws(ControlBody.Problem) -> ModuleLoadRequest.Target {
    switch (try body.string("path"), try body.string("package")) {
    case (let path?, nil):
      guard path.hasPrefix("/") else { throw .invalid("path must be absolute") }
      return .path(path)
    case (nil, let package?): return .package(package)
    default: throw .invalid("one of path and package must be given")
    }
  }

  /// Answers with the status of the project's first module, as older clients expect it, and with
  /// those of all its modules as `modules`.
  func loadProject(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    let directory = try body.string("projectDir")
    let file = try body.string("configPath")
    guard let named = file ?? directory else {
      throw ControlBody.Problem.invalid("configPath is missing")
    }
    // Older clients may give the file relative to the directory.
    let path = named.hasPrefix("/") ? named : directory.map { "\($0)/\(named)" }
    guard let path, path.hasPrefix("/") else {
      throw ControlBody.Problem.invalid("configPath must be absolute")
    }
    return try await answering {
      let statuses = try await gateway.loadProject(path, by: caller)
      var answer = statuses.first?.object ?? JSONObject()
      answer["modules"] = .array(statuses)
      return Answer(.created, json: .object(answer))
    }
  }

  func unload(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    let name = try body.requiredString("name")
    let drainMs = try body.durationMs("drain")
    let policy = try body.removedPolicy("on_removed")
    return try await answering {
      Answer(
        json: try await gateway.unloadModule(
          name, drainMs: drainMs, onRemoved: policy, by: caller))
    }
  }

  func reload(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    let name = try body.requiredString("name")
    let policy = try body.removedPolicy("on_removed")
    return try await answering(hint: "orgloop module list --all") {
      Answer(json: try await gateway.reloadModule(name, onRemoved: policy, by: caller))
    }
  }

  /// Changes nothing; a POST because the answer takes reading the project's files.
  func plan(_ body: ControlBody) async throws -> Answer {
    let policy = try body.removedPolicy("on_removed")
    return try await answering { Answer(json: try await gateway.plan(onRemoved: policy)) }
  }

  func apply(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    let policy = try body.removedPolicy("on_removed")
    let plan = try body.string("plan_id")
    return try await answering {
      Answer(json: try await gateway.apply(plan: plan, onRemoved: policy, by: caller))
    }
  }

  /// Remembers which workspace a project works in; this runtime goes on in its own.
  func selectWorkspace(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    let name = try body.requiredString("workspace")
    let root = try body.requiredString("root")
    guard root.hasPrefix("/") else {
      throw ControlBody.Problem.invalid("root must be absolute")
    }
    try await gateway.selectWorkspace(name, root: root, by: caller)
    return Answer(json: ["ok": true, "workspace": .string(name), "root": .string(root)])
  }

  /// `{generation, plan_only?, plan_id?, on_removed?, allow_changed_files?}`.
  func rollback(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    guard let text = try body.number("generation") else {
      throw ControlBody.Problem.invalid("generation is missing")
    }
    guard let place = HistoryPlace(text.hasPrefix("@") ? text : "@" + text) else {
      throw ControlBody.Problem.invalid("generation must be a number, @N or @-1")
    }
    var request = RollbackRequest(place)
    request.isPlanOnly = try body.flag("plan_only")
    request.plan = try body.string("plan_id")
    request.onRemoved = try body.removedPolicy("on_removed")
    request.allowsChangedFiles = try body.flag("allow_changed_files")
    return try await answering { [request] in
      Answer(json: try await gateway.rollback(request, by: caller))
    }
  }

  /// A module that does not exist has a code of its own, which scripts tell from a bad path.
  ///
  /// - Parameter hint: Where the gateway has none.
  private func answering(
    hint: String? = nil, _ body: () async throws -> Answer
  ) async throws -> Answer {
    do {
      return try await body()
    } catch let error as EngineError where error.code == .notFound {
      return .problem(.notFound, error.message, code: "MODULE_NOT_FOUND", hint: error.hint ?? hint)
    }
  }
}
