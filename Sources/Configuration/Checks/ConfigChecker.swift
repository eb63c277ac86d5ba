import Engine

/// Checks a `config` against the fields a connector, transform or logger declares, and puts
/// defaults and absolute paths in.
struct ConfigChecker {
  let session: Session
  /// Of the module: where paths start that are not beside the declaring file.
  let root: String
  let scope: VariableScope

  private static let code = "connector.config"

  /// The configuration to hand on.
  ///
  /// - Parameters:
  ///   - node: The `config`; nil when it is not written.
  ///   - origin: Where a missing key is reported when there is no `config`.
  ///   - owner: The connector's name, for messages.
  ///   - check: What goes beyond types; asked only when the types are right.
  func check(
    _ node: Node?, fields: [ConfigField], origin: Origin, owner: String,
    check: (JSONObject) -> [ConfigProblem]
  ) -> JSONObject {
    let node = node.flatMap { $0.isNull ? nil : $0 } ?? Node(.map([]), at: origin)
    guard node.isMap else {
      session.refuse(node, "config", "must be a map, not \(node.kind)")
      return [:]
    }
    let errors = session.errorCount
    let object = object(node, fields, path: "", owner: owner)
    session.checkCredentials(node, fields: fields, label: "")
    guard session.errorCount == errors else { return object }
    for problem in check(object) { report(problem, in: node) }
    return object
  }

  /// Maps a connector's own finding back to its line.
  private func report(_ problem: ConfigProblem, in node: Node) {
    let place = node.descend(problem.path)
    guard !place.isUnresolved else { return }
    let words = problem.path.filter { Int($0) == nil }.joined(separator: ".")
    let level = Diagnostic.Level(rawValue: problem.level.rawValue) ?? .error
    let isEvent = problem.path.first == "events" && level == .warning
    session.report(
      level, isEvent ? "connector.event" : ConfigChecker.code,
      words.isEmpty ? problem.message : "\(words): \(problem.message)", at: place.origin)
  }

  private func object(
    _ node: Node, _ fields: [ConfigField], path: String, owner: String
  ) -> JSONObject {
    let known = Dictionary(fields.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var members: [JSONObject.Member] = []
    for pair in node.pairs {
      let label = path.isEmpty ? pair.key : "\(path).\(pair.key)"
      guard let field = known[pair.key] else {
        session.report(
          .warning, "key.unknown", "unknown key \"\(label)\"", at: pair.keyOrigin,
          among: fields.map(\.name), meant: pair.key)
        continue
      }
      if field.isIgnored {
        session.report(
          .notice, "state.ignored", "\(label) has no effect: state is kept in the database",
          at: pair.keyOrigin)
        continue
      }
      if pair.value.isNull, !field.isRequired { continue }
      if field.isStored { session.noteStored(pair.value, label, "events") }
      if let value = value(pair.value, field.type, label) {
        members.append(JSONObject.Member(key: pair.key, value: value))
      }
    }
    let present = Set(node.pairs.filter { !$0.value.isNull }.map(\.key))
    for field in fields where !present.contains(field.name) {
      if field.isRequired {
        let label = path.isEmpty ? field.name : "\(path).\(field.name)"
        session.error(ConfigChecker.code, "\(label): required by \(owner)", at: node.origin)
      } else if let value = field.defaultValue {
        members.append(JSONObject.Member(key: field.name, value: value))
      }
    }
    return JSONObject(members)
  }

  /// The value in the form in which it is handed on; nil after a report.
  private func value(_ node: Node, _ type: ConfigType, _ label: String) -> JSONValue? {
    let code = ConfigChecker.code
    if node.isUnresolved { return node.json }
    switch type {
    case .any: return node.json
    case .id: return name(node, label, NameRule.isID)
    case .name: return name(node, label, NameRule.isName)
    case .string, .specifier:
      return session.text(node, label, code: code).map(JSONValue.string)
    case .longString(let least): return longString(node, least, label)
    case .nothing: return node.isNull ? .null : nil
    case .boolean: return session.flag(node, label, code: code).map(JSONValue.bool)
    case .integer(let range):
      return session.integer(node, label, in: range, code: code).map { JSONValue($0) }
    case .number(let range):
      return session.number(node, label, in: range, code: code).map(JSONValue.number)
    case .duration: return session.durationMs(node, label, code: code).map { _ in node.json }
    case .longDuration(let least):
      return session.durationMs(node, label, min: least, code: code).map { _ in node.json }
    case .startLimit: return session.startLimit(node, label, code: code).map { _ in node.json }
    case .size: return session.bytes(node, label, code: code).map { _ in node.json }
    case .rate: return session.perSecond(node, label, code: code).map { _ in node.json }
    case .dotPath: return session.dotPath(node, label, code: code).map { _ in node.json }
    case .url: return url(node, label)
    case .path: return path(node, label).map(JSONValue.string)
    case .command: return command(node, label)
    case .environment: return environment(node, label).map { .object(JSONObject($0)) }
    case .eventType:
      return session.choice(node, label, EventType.allCases.map(\.rawValue), code: code)
        .map(JSONValue.string)
    case .constant(let word):
      return session.choice(node, label, [word], code: code).map(JSONValue.string)
    case .choice(let choices):
      return session.choice(node, label, choices, code: code).map(JSONValue.string)
    case .list(let element): return list(node, element, label)
    case .oneOrMore(let element): return oneOrMore(node, element, label)
    case .map(let element): return map(node, element, label)
    case .config: return map(node, .any, label)
    case .filter: return filter(node, label)
    case .object(let fields): return map(node, fields, label)
    case .table(let table): return map(node, table.fields, label)
    case .either(let types): return either(node, types, label)
    }
  }

  private func wrong(_ node: Node, _ words: String, _ label: String) -> JSONValue? {
    session.refuse(node, label, "must be \(words), not \(node.kind)", code: ConfigChecker.code)
    return nil
  }

  private func name(_ node: Node, _ label: String, _ isValid: (String) -> Bool) -> JSONValue? {
    let code = ConfigChecker.code
    guard let text = session.text(node, label, code: code) else { return nil }
    guard isValid(text) else {
      session.refuse(node, label, "\"\(node.display)\" cannot be a name", code: code)
      return nil
    }
    return .string(text)
  }

  private func longString(_ node: Node, _ least: Int, _ label: String) -> JSONValue? {
    let code = ConfigChecker.code
    guard let text = session.text(node, label, code: code) else { return nil }
    guard text.count >= least else {
      session.refuse(node, label, "must have at least \(least) characters", code: code)
      return nil
    }
    return .string(text)
  }

  private func map(_ node: Node, _ fields: [ConfigField], _ label: String) -> JSONValue? {
    guard node.isMap else { return wrong(node, "a map", label) }
    return .object(object(node, fields, path: label, owner: "\"\(label)\""))
  }

  private func filter(_ node: Node, _ label: String) -> JSONValue? {
    let errors = session.errorCount
    _ = session.filter(node, label)
    return session.errorCount == errors ? node.json : nil
  }

  private func oneOrMore(_ node: Node, _ element: ConfigType, _ label: String) -> JSONValue? {
    guard let list = node.list else { return value(node, element, label) }
    guard !list.isEmpty else {
      session.refuse(node, label, "must not be empty", code: ConfigChecker.code)
      return nil
    }
    return self.list(node, element, label)
  }

  private func list(_ node: Node, _ element: ConfigType, _ label: String) -> JSONValue? {
    guard let list = node.list else { return wrong(node, "a list", label) }
    return .array(list.compactMap { value($0, element, label) })
  }

  private func map(_ node: Node, _ element: ConfigType, _ label: String) -> JSONValue? {
    guard node.isMap else { return wrong(node, "a map", label) }
    return .object(
      JSONObject(
        node.pairs.compactMap { pair in
          value(pair.value, element, "\(label).\(pair.key)")
            .map { JSONObject.Member(key: pair.key, value: $0) }
        }))
  }

  private func either(_ node: Node, _ types: [ConfigType], _ label: String) -> JSONValue? {
    for type in types {
      let trial = session.trying { value(node, type, label) }
      if let value = trial.value, trial.isClean {
        session.keep(trial.diagnostics)
        return value
      }
    }
    // The alternative of the same shape tells most about what is wrong.
    if let type = types.first(where: { ConfigChecker.isShape($0, of: node) }) {
      return value(node, type, label)
    }
    return wrong(node, types.map(ConfigChecker.words).joined(separator: " or "), label)
  }

  private static func isShape(_ type: ConfigType, of node: Node) -> Bool {
    switch type {
    case .list, .command, .oneOrMore: node.list != nil
    case .map, .object, .table, .config, .filter: node.isMap
    case .environment: node.isMap || node.list != nil
    default: false
    }
  }

  private static func words(_ type: ConfigType) -> String {
    switch type {
    case .string, .longString, .id, .name, .specifier, .dotPath, .url, .path: "a string"
    case .boolean: "a boolean"
    case .integer, .number: "a number"
    case .duration, .longDuration: "a duration"
    case .size: "a size"
    case .rate, .startLimit: "a rate"
    case .eventType: "an event type"
    case .constant(let word): word
    case .choice(let choices): choices.joined(separator: ", ")
    case .list, .command: "a list"
    case .oneOrMore(let element): "\(words(element)) or a list"
    case .map, .object, .table, .config, .filter, .environment: "a map"
    case .either(let types): types.map(words).joined(separator: " or ")
    case .nothing: "null"
    case .any: "anything"
    }
  }
}
