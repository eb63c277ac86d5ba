import Engine
import ProjectConfiguration

/// What `inspect` finds: the definition in the files, and the standing in the database, by way of the
/// runtime if one answers.
struct Inspection {
  let project: LoadedProject
  let merged: MergedProject
  let database: String

  struct Found: Sendable {
    var json: JSONValue
    var text: String
  }

  // MARK: Objects

  func object(_ object: DescribedObject) async throws -> Found {
    var json: JSONObject = [
      "kind": .string(object.kind.rawValue), "module": .string(object.module),
    ]
    for member in object.json.object?.members ?? [] { json[member.key] = member.value }
    json["origin"] = .string("\(object.origin)")
    let prefix = "\(object.kind.list).\(object.name)"
    let own = project.overrides.filter { $0.path == prefix || $0.path.hasPrefix(prefix + ".") }
    // Overlays concern the project's own objects alone.
    let isOwn = project.modules.first?.name == object.module || project.modules.isEmpty
    if isOwn, !own.isEmpty { json["overridden"] = .array(own.map(\.json)) }
    let route = route(object)
    let prompt = route?.prompt
    if let prompt {
      json["prompt"] = [
        "path": .string(prompt.path), "text": .string(project.redacting(prompt.captured)),
        "metadata": prompt.metadata,
      ]
    }
    let users = usedBy(object)
    if object.kind == .transform { json["routes"] = .array(users.map(JSONValue.string)) }
    var standing = try await standing(object)
    if json["enabled"] == false, var own = standing?.object, own["status"] != nil {
      // What it was when it last worked is not what it is.
      own["status"] = "disabled"
      standing = .object(own)
    }
    if let standing { json["runtime"] = standing }
    var lines = ["# \(object.kind.rawValue) of module \(object.module), \(object.origin)"]
    lines.append(object.text(marking: project.overlay))
    if object.kind == .transform {
      lines.append(
        users.isEmpty ? "\nused by no route" : "\nused by " + users.joined(separator: ", "))
    }
    if let standing { lines += ["", StandingText(standing).text] }
    if let prompt { lines += ["", "prompt \(prompt.path)", project.redacting(prompt.captured)] }
    return Found(json: .object(json), text: lines.joined(separator: "\n"))
  }

  private func route(_ object: DescribedObject) -> RouteDefinition? {
    guard object.kind == .route else { return nil }
    return project.modules.first { $0.name == object.module }?.routes.first {
      $0.name == object.name
    }
  }

  private func usedBy(_ object: DescribedObject) -> [String] {
    let routes = project.modules.first { $0.name == object.module }?.routes ?? []
    return routes.filter { $0.transforms.contains { $0.name == object.name } }.map(\.name)
  }

  /// Nil without a database, or for what it keeps nothing of.
  private func standing(_ object: DescribedObject) async throws -> JSONValue? {
    guard let kind = Inspector.ObjectKind(rawValue: object.kind.rawValue) else { return nil }
    let standing = try await RuntimeClient.withRuntime(of: database) { client -> JSONValue? in
      if let client {
        let query = URLText.query([
          ("kind", kind.rawValue), ("name", object.name), ("module", object.module),
        ])
        return try await client.get("/api/inspect" + query).body
      }
      try RuntimeClient.refuseForbiddenSocket(of: database)
      guard try Database(path: database).exists() else { return nil }
      return try await Database(path: database).read { inspector in
        try await inspector.standing(
          of: kind, object.name, module: object.module, nowMs: TimeSource.system.wallMs)
      }
    }
    guard let standing, !standing.isNull else { return nil }
    return standing
  }

  // MARK: Modules

  /// - Parameter name: Its name or alias.
  /// - Throws: ``Failure`` for a module that the project does not have.
  func moduleName(_ name: String) throws -> String {
    let known = project.modules.first { $0.name == name || $0.alias == name }?.name
    if let known { return known }
    if project.invalidModules.contains(name) { return name }
    let names = project.modules.map(\.name) + project.modules.compactMap(\.alias)
    let meant = WorkspaceFiles.suggestion(for: name, among: names)
    throw Failure(
      .moduleNotFound, .failed,
      "the project has no module \"\(name)\"" + (meant.map { "; did you mean \"\($0)\"?" } ?? ""),
      hint: "orgloop module list --all shows those of the database")
  }

  func module(_ name: String) async throws -> Found {
    let name = try moduleName(name)
    let definition = project.modules.first { $0.name == name }
    var json: JSONObject = ["kind": "module", "name": .string(name)]
    json["alias"] = definition?.alias.map(JSONValue.string)
    json["path"] = JSONValue(definition?.path)
    json["origin"] = JSONValue(definition.map { "\($0.path):1:1" })
    var lines = ["# module \(name), \(definition?.path ?? "invalid")"]
    for kind in DescribedObject.Kind.allCases {
      let names = merged.objects.filter { $0.module == name && $0.kind == kind }.map(\.name)
      json[kind.list] = .array(names.map(JSONValue.string))
      if !names.isEmpty { lines.append("\(kind.list): \(names.joined(separator: ", "))") }
    }
    if let status = try await status(name) {
      json["runtime"] = status
      lines.append("\n" + StandingText(status).text)
    }
    return Found(json: .object(json), text: lines.joined(separator: "\n"))
  }

  /// Nil where the database has never seen it.
  private func status(_ name: String) async throws -> JSONValue? {
    do {
      return try await RuntimeClient.withRuntime(of: database) { client -> JSONValue? in
        if let client {
          return try await client.get("/control/module/status/" + URLText.encode(name)).body
        }
        try RuntimeClient.refuseForbiddenSocket(of: database)
        guard try Database(path: database).exists() else { return nil }
        return try await Database(path: database).readModules { try await $0.status(name) }
      }
    } catch let failure as Failure where failure.code == .moduleNotFound {
      return nil
    }
  }
}

/// What the database knows of an object, a line a fact.
struct StandingText {
  private let standing: JSONValue

  init(_ standing: JSONValue) { self.standing = standing }

  var text: String {
    Table.aligned(StandingText.rows("", standing)).joined(separator: "\n")
  }

  /// `queue pending  3`: nested keys joined by blanks. Lists are for JSON.
  private static func rows(_ prefix: String, _ value: JSONValue) -> [[String]] {
    (value.object?.members ?? []).flatMap { member -> [[String]] in
      let name = prefix + member.key.replacing("_", with: " ")
      switch member.value {
      case .object: return rows(name + " ", member.value)
      case .array, .null: return []
      case .string(let text): return [[name, Table.cell(text)]]
      default: return [[name, JSONText(member.value).description]]
      }
    }
  }
}
