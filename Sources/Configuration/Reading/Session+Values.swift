import Engine

/// Typed reading of nodes: each method returns the value, or reports what is wrong and returns
/// nil. A node whose variable is not set was reported already and is passed over in silence.
extension Session {
  /// The problem of a field: `label: what it must be`.
  func refuse(_ node: Node, _ label: String, _ message: String, code: String = "key.type") {
    guard !node.isUnresolved else { return }
    error(code, "\(label): \(message)", at: node.origin)
  }

  func text(_ node: Node?, _ label: String, code: String = "key.type") -> String? {
    guard let node else { return nil }
    if case .string(let text) = node.content { return node.isUnresolved ? nil : text }
    let hint = node.scalarText.map { "; write \"\($0)\" in quotes" } ?? ""
    refuse(node, label, "must be a string, not \(node.kind)\(hint)", code: code)
    return nil
  }

  func flag(_ node: Node?, _ label: String, code: String = "key.type") -> Bool? {
    guard let node else { return nil }
    if case .bool(let flag) = node.typed { return flag }
    // YAML 1.1 took these for booleans; version 1.2, which is read here, does not.
    let meant = ["yes": "true", "on": "true", "no": "false", "off": "false"]
    let hint = node.string.flatMap { meant[$0.lowercased()] }.map { "; write \($0)" } ?? ""
    refuse(node, label, "must be true or false, not \(node.kind)\(hint)", code: code)
    return nil
  }

  func number(
    _ node: Node?, _ label: String, in range: ClosedRange<Double>, code: String = "key.type"
  ) -> JSONNumber? {
    guard let node else { return nil }
    guard case .number(let number) = node.typed else {
      refuse(node, label, "must be a number, not \(node.kind)", code: code)
      return nil
    }
    guard range.contains(number.double) else {
      refuse(node, label, "must be \(Session.words(range))", code: code)
      return nil
    }
    return number
  }

  func integer(
    _ node: Node?, _ label: String, in range: ClosedRange<Int64>, code: String = "key.type"
  ) -> Int64? {
    guard let node else { return nil }
    guard case .number(let number) = node.typed, let value = number.int64 else {
      let other = if case .number = node.typed { "" } else { ", not \(node.kind)" }
      refuse(node, label, "must be a whole number\(other)", code: code)
      return nil
    }
    guard range.contains(value) else {
      refuse(node, label, "must be \(Session.words(range))", code: code)
      return nil
    }
    return value
  }

  func durationMs(
    _ node: Node?, _ label: String, min: Int64 = 0, code: String = "key.type"
  ) -> Int64? {
    guard let node, let value = quantity(node, label, code: code, Quantity.durationMs) else {
      return nil
    }
    guard value >= min else {
      refuse(node, label, "must be at least \(Quantity.text(durationMs: min))", code: code)
      return nil
    }
    return value
  }

  func bytes(_ node: Node?, _ label: String, code: String = "key.type") -> Int64? {
    quantity(node, label, code: code, Quantity.bytes)
  }

  func perSecond(_ node: Node?, _ label: String, code: String = "key.type") -> Double? {
    quantity(node, label, code: code, Quantity.perSecond)
  }

  func startLimit(_ node: Node?, _ label: String, code: String = "key.type") -> StartLimit? {
    quantity(node, label, code: code, Quantity.startLimit)
  }

  private func quantity<Value>(
    _ node: Node?, _ label: String, code: String, _ parse: (String) throws(Refusal) -> Value
  ) -> Value? {
    guard let node, !node.isUnresolved else { return nil }
    guard let text = node.scalarText else {
      refuse(node, label, "must be text, not \(node.kind)", code: code)
      return nil
    }
    do {
      return try parse(text)
    } catch {
      // The message may quote a part of the value, which a variable's must not be.
      let message = error.message
      refuse(
        node, label, node.isReplaced ? String(message.prefix { $0 != ":" }) : message, code: code)
      return nil
    }
  }

  func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ node: Node?, _ label: String, _ type: Value.Type
  ) -> Value? {
    choice(node, label, type.allCases.map(\.rawValue)).flatMap(Value.init(rawValue:))
  }

  func choice(
    _ node: Node?, _ label: String, _ choices: [String], code: String = "key.unknown-value"
  ) -> String? {
    guard let node,
      let text = text(node, label, code: code == "key.unknown-value" ? "key.type" : code)
    else { return nil }
    if choices.contains(text) { return text }
    report(
      .error, code, "\(label): \"\(node.display)\" is none of \(choices.joined(separator: ", "))",
      at: node.origin, among: choices, meant: node.replacement == nil ? text : nil)
    return nil
  }

  func dotPath(_ node: Node?, _ label: String, code: String = "key.type") -> DotPath? {
    guard let node, let text = text(node, label, code: code) else { return nil }
    if let problem = Session.pathProblem(text) {
      refuse(node, label, problem, code: code)
      return nil
    }
    return DotPath(text)
  }

  /// Why a text is no dot path; nil for one that is.
  static func pathProblem(_ text: String) -> String? {
    if text.contains("{{") || text.contains("}}") {
      return "not a path: write it without braces, such as payload.number"
    }
    guard let path = DotPath(text) else {
      return "not a path: segments between dots must not be empty"
    }
    // Forms have questions with a blank at their end; what is at the top of an event has none.
    let isAlone = path.segments.count == 1
    if text.first?.isWhitespace ?? false || isAlone && text.last?.isWhitespace ?? false {
      return "not a path: there must be no blanks around it"
    }
    return nil
  }

  /// Why a path cannot be asked for when an event comes in; nil for one that can.
  static func unknownAtArrival(_ path: DotPath) -> String? {
    guard path.segments.first?.key == "id" else { return nil }
    return "an event has no id yet when its routes are chosen; for one of the sender's write "
      + "payload.id"
  }

  func eventType(_ node: Node, _ label: String) -> EventType? {
    choice(node, label, EventType.self)
  }

  /// A list, or nil after saying that the node is none.
  func list(_ node: Node?, _ label: String) -> [Node]? {
    guard let node, !node.isNull else { return nil }
    if let list = node.list { return list }
    refuse(node, label, "must be a list, not \(node.kind)")
    return nil
  }

  /// A list of one kind of thing, or one of them alone.
  func oneOrMore(_ node: Node?) -> [Node] {
    guard let node else { return [] }
    return node.list ?? [node]
  }

  /// A map, or nil after saying that the node is none; null is nil in silence.
  func map(_ node: Node?, _ label: String) -> Node? {
    guard let node, !node.isNull else { return nil }
    if node.isMap { return node }
    refuse(node, label, "must be a map, not \(node.kind)")
    return nil
  }

  /// What a required field holds, or nil after saying that it is missing.
  func required(_ map: Node, _ key: String, of owner: String) -> Node? {
    if let node = map[key], !node.isNull { return node }
    error("key.missing", "\(owner): \"\(key)\" is missing\(why(key, of: map))", at: map.origin)
    return nil
  }

  /// What an overlay has to do with a key that is not there: the map's own file may be right.
  private func why(_ key: String, of map: Node) -> String {
    guard let overlay else { return "" }
    if map.origin.file == shown(overlay.file) {
      guard map["id"] ?? map["name"] != nil else { return "" }
      return "; the project has nothing of that name, so what stands here is new and must be whole"
    }
    let removal = overlay.changes.last {
      $0.action == .remove && $0.path.last == key && $0.replaced?.file == map.origin.file
    }
    return removal.map { "; it is removed at \($0.origin)" } ?? ""
  }

  /// Warns of keys that nothing reads.
  ///
  /// - Parameter elsewhere: Keys that belong elsewhere, with the words that say where.
  func checkKeys(
    _ map: Node, _ table: ConfigTable, label: String = "", elsewhere: [String: String] = [:]
  ) {
    let names = Set(table.keys)
    for pair in map.pairs where !names.contains(pair.key) {
      let place = label.isEmpty ? "" : "\(label): "
      if let other = elsewhere[pair.key] ?? Tables.home(of: pair.key, besides: table) {
        report(
          .warning, "key.unknown", "\(place)key \"\(pair.key)\" belongs \(other)",
          at: pair.keyOrigin)
      } else {
        report(
          .warning, "key.unknown", "\(place)unknown key \"\(pair.key)\"", at: pair.keyOrigin,
          among: table.keys, meant: pair.key)
      }
    }
  }

  private static func words(_ range: ClosedRange<Int64>) -> String {
    range.upperBound == .max
      ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
  }

  private static func words(_ range: ClosedRange<Double>) -> String {
    let low = JSONNumber(range.lowerBound).text
    return range.upperBound == .infinity || range.upperBound == .greatestFiniteMagnitude
      ? "at least \(low)" : "from \(low) to \(JSONNumber(range.upperBound).text)"
  }
}
