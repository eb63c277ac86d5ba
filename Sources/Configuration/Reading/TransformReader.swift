import Engine

/// A transform as it is defined; routes make steps of it (config.md 9.1).
struct TransformDefinition {
  var name: String
  var node: Node
  /// Nil when the definition has an error, which has been reported.
  var kind: TransformStep.Kind?
  var timeoutMs: Int64?
  var onError: TransformStep.ErrorPolicy?
  var environment: [String: String] = [:]
  /// SHA-256 in hex of the script; nil for a built-in.
  var contentHash: String?

  /// The definition's `config` with the top-level keys of a route laid over it.
  func config(over overlay: Node?) -> Node? {
    guard let overlay, overlay.isMap else { return node["config"] }
    guard let own = node["config"], own.isMap else { return overlay }
    var places: [String: Int] = [:]
    var pairs = own.pairs
    for (place, pair) in pairs.enumerated() { places[pair.key] = place }
    for pair in overlay.pairs {
      if let place = places[pair.key] { pairs[place] = pair } else { pairs.append(pair) }
    }
    var merged = own
    merged.content = .map(pairs)
    return merged
  }
}

/// What a route says of one of its steps.
struct StepOverlay {
  let onError: TransformStep.ErrorPolicy?
  let timeoutMs: Int64?
  let config: Node?

  init(_ step: MapReader) {
    onError = step.choice("on_error", TransformStep.ErrorPolicy.self)
    timeoutMs = step.timeoutMs()
    config = step.map("config")
  }
}

extension Session {
  /// Reads a definition; nil after a report.
  func transform(
    _ transform: MapReader, name: String, checker: ConfigChecker
  ) -> TransformDefinition? {
    var definition = TransformDefinition(name: name, node: transform.node)
    definition.timeoutMs = transform.timeoutMs()
    definition.onError = transform.choice("on_error", TransformStep.ErrorPolicy.self)
    let script = transform.text("script")
    let package = transform.text("package")
    _ = transform.map("config")
    if let env = transform["env"] {
      for member in checker.environment(env, transform.place("env")) ?? [] {
        definition.environment[member.key] = member.value.string
      }
    }
    guard let type = transform.required("type"), let specifier = transform.text("type") else {
      return nil
    }
    noteUnread(transform, specifier)
    switch specifier {
    case "script":
      guard required(transform.node, "script", of: transform.label) != nil, let script,
        let path = scriptPath(script, transform.node["script"] ?? type, root: checker.root)
      else { return nil }
      definition.kind = .script(path)
      // It may be run and not read: then a change of it goes unnoticed, and it still runs.
      definition.contentHash = scriptHash(path)
    case "package":
      guard let field = required(transform.node, "package", of: transform.label), let package,
        let short = builtIn(package, field)
      else { return nil }
      definition.kind = .package(short)
    default:
      guard let short = builtIn(specifier, type) else { return nil }
      definition.kind = .package(short)
    }
    return definition
  }

  /// Warns of keys that mean something to another type of transform only.
  private func noteUnread(_ transform: MapReader, _ specifier: String) {
    func warn(_ key: String, _ words: String) {
      guard let pair = transform.node.pair(key), !pair.value.isNull else { return }
      report(
        .warning, "key.unread", "\(transform.label): \"\(key)\" is not read \(words)",
        at: pair.keyOrigin)
    }
    let type = transform["type"]?.display ?? specifier
    if specifier != "script" { warn("script", "with type: \(type)") }
    if specifier != "package" { warn("package", "with type: \(type)") }
    let name = specifier == "package" ? transform.node["package"]?.string : specifier
    switch name.map({ ConnectorCatalog.shortName($0, prefix: "transform") }) {
    case "filter"? where transform.node["config"]?.pair("jq") == nil:
      warn("env", "by filter without jq")
    case "dedup"?: warn("env", "by dedup")
    default: break
    }
  }

  /// The short name of a built-in transform, or nil after a report.
  private func builtIn(_ specifier: String, _ field: Node) -> String? {
    let short = ConnectorCatalog.shortName(specifier, prefix: "transform")
    if short != "script", catalog.transforms[short] != nil { return short }
    report(
      .error, "connector.unknown",
      "no transform \"\(field.display)\"; a type is script, package, or a built-in transform",
      at: field.origin, among: catalog.transforms.keys.sorted() + ["package"], meant: short)
    return nil
  }

  private func scriptPath(_ path: String, _ field: Node, root: String) -> String? {
    guard let found = locate(path, near: field.origin, root: root) else {
      let places = candidates(path, near: field.origin, root: root).map(shown)
      error(
        "script.missing", "transform.script: no file \(places.joined(separator: " or "))",
        at: field.origin)
      return nil
    }
    guard script(found, at: field.origin, "transform.script") else { return nil }
    return resolved(found) ?? found
  }

  /// A step of a route, or nil after a report.
  ///
  /// - Parameters:
  ///   - overlay: What the route says about the step; nil for a plain reference.
  func step(
    _ definition: TransformDefinition, overlay: StepOverlay?, defaults: DefaultsBlock,
    checker: ConfigChecker
  ) -> TransformStep? {
    guard let kind = definition.kind else { return nil }
    let node = definition.config(over: overlay?.config)
    let checked: JSONObject
    switch kind {
    case .script:
      checked = node?.json.object ?? [:]
      if let node { checkCredentials(node, label: "config") }
    case .package(let short):
      guard let descriptor = catalog.transforms[short] else { return nil }
      checked = checker.check(
        node, fields: descriptor.fields, origin: definition.node.origin, owner: short,
        check: descriptor.check)
      checkProgram(descriptor, node, definition.environment, root: checker.root)
    }
    return TransformStep(
      name: definition.name, kind: kind, config: checked,
      timeoutMs: overlay?.timeoutMs ?? definition.timeoutMs ?? 30_000,
      onError: overlay?.onError ?? definition.onError ?? defaults.onError ?? .retry,
      environment: definition.environment, contentHash: definition.contentHash)
  }

  /// A filter that needs `jq` needs it on `PATH`, or every event would fail.
  private func checkProgram(
    _ transform: TransformDescriptor, _ config: Node?, _ passed: [String: String], root: String
  ) {
    guard transform.name == "filter", let pair = config?.pair("jq") else { return }
    guard FileAccess.find("jq", searchPath: environment["PATH"]) != nil else {
      return error("jq.missing", "jq: no program \"jq\" on PATH", at: pair.keyOrigin)
    }
    guard archive == nil, !pair.value.isUnresolved, let text = pair.value.string else { return }
    let base = environment.filter { ["PATH", "HOME"].contains($0.key) }
    let place = ExpressionPlace(directory: root, environment: base.merging(passed) { $1 })
    let complaint = complaint(about: text, in: place, transform.complaint)
    if let complaint { error("jq.syntax", "jq: \(complaint)", at: pair.value.origin) }
  }
}

extension MapReader {
  /// `timeout_ms`, or `timeout`, which is the same as a duration.
  fileprivate func timeoutMs() -> Int64? {
    if self["timeout_ms"] != nil, let pair = node.pair("timeout"), !pair.value.isNull {
      session.error(
        "key.type", "\(label): \"timeout\" or \"timeout_ms\", not both", at: pair.keyOrigin)
    }
    let duration = durationMs("timeout")
    return integer("timeout_ms") ?? duration
  }
}
