import Engine

/// Reads one map by its table: keys that the table does not name are unknown, and type, choices and
/// range of a key are what the table says.
///
/// A method returns nil for a key that is absent or null, and after a report. Asking for a key in
/// another way than the table declares it is our own bug, which the first load finds.
struct MapReader {
  let session: Session
  let node: Node
  let table: ConfigTable
  /// What the map is called in messages, in front of the key.
  let label: String

  /// Warns of unknown keys.
  ///
  /// - Parameter elsewhere: Keys that belong elsewhere, with the words that say where.
  init(
    _ session: Session, _ node: Node, _ table: ConfigTable, _ label: String,
    elsewhere: [String: String] = [:]
  ) {
    self.session = session
    self.node = node
    self.table = table
    self.label = label
    if !table.isOpen {
      session.checkKeys(node, table, label: label, elsewhere: elsewhere)
    }
  }

  /// What stands at a key; nil for null, which unsets it.
  subscript(key: String) -> Node? {
    _ = field(key)
    return session.present(node[key])
  }

  func place(_ key: String) -> String { label.isEmpty ? key : "\(label).\(key)" }

  /// What a required key holds, or nil after saying that it is missing.
  func required(_ key: String) -> Node? {
    precondition(field(key).isRequired, "\(table.name).\(key) is not required in its table")
    return session.required(node, key, of: label)
  }

  // MARK: Scalars

  func text(_ key: String) -> String? {
    switch field(key).type {
    case .string, .path, .id, .name, .specifier: return session.text(self[key], place(key))
    case .longString(let least): return longText(key, least)
    default: return wrongAccess(key)
    }
  }

  private func longText(_ key: String, _ least: Int) -> String? {
    guard let node = self[key], let text = session.text(node, place(key)) else { return nil }
    guard text.count >= least else {
      session.refuse(node, place(key), "must have at least \(least) characters")
      return nil
    }
    return text
  }

  func flag(_ key: String) -> Bool? {
    guard case .boolean = field(key).type else { return wrongAccess(key) }
    return session.flag(self[key], place(key))
  }

  func integer(_ key: String) -> Int64? {
    guard case .integer(let range) = field(key).type else { return wrongAccess(key) }
    return session.integer(self[key], place(key), in: range)
  }

  func count(_ key: String) -> Int? { integer(key).map { Int($0) } }

  func number(_ key: String) -> JSONNumber? {
    guard case .number(let range) = field(key).type else { return wrongAccess(key) }
    return session.number(self[key], place(key), in: range)
  }

  func durationMs(_ key: String) -> Int64? {
    switch field(key).type {
    case .duration: return session.durationMs(self[key], place(key))
    case .longDuration(let least): return session.durationMs(self[key], place(key), min: least)
    default: return wrongAccess(key)
    }
  }

  func bytes(_ key: String) -> Int64? {
    guard case .size = field(key).type else { return wrongAccess(key) }
    return session.bytes(self[key], place(key))
  }

  func perSecond(_ key: String) -> Double? {
    guard case .rate = field(key).type else { return wrongAccess(key) }
    return session.perSecond(self[key], place(key))
  }

  func startLimit(_ key: String) -> StartLimit? {
    guard case .startLimit = field(key).type else { return wrongAccess(key) }
    return session.startLimit(self[key], place(key))
  }

  func dotPath(_ key: String) -> DotPath? {
    guard case .dotPath = field(key).type else { return wrongAccess(key) }
    return session.dotPath(self[key], place(key))
  }

  func choice(_ key: String) -> String? {
    guard case .choice(let choices) = field(key).type else { return wrongAccess(key) }
    return session.choice(self[key], place(key), choices)
  }

  func choice<Value: RawRepresentable<String>>(_ key: String, _ type: Value.Type) -> Value? {
    choice(key).flatMap(Value.init(rawValue:))
  }

  // MARK: Lists and maps

  func eventTypes(_ key: String) -> [EventType]? {
    switch field(key).type {
    case .oneOrMore(.eventType), .either: break
    default: return wrongAccess(key)
    }
    guard let node = self[key] else { return nil }
    return session.oneOrMore(node).compactMap { session.eventType($0, place(key)) }
  }

  func list(_ key: String) -> [Node]? {
    guard case .list = field(key).type else { return wrongAccess(key) }
    return session.list(self[key], place(key))
  }

  func texts(_ key: String) -> [String] {
    (list(key) ?? []).compactMap { session.text($0, place(key)) }
  }

  /// A map without a table of its own.
  func map(_ key: String) -> Node? {
    switch field(key).type {
    case .map, .config: return session.map(self[key], place(key))
    default: return wrongAccess(key)
    }
  }

  /// A map that the table has a table for.
  ///
  /// - Parameter label: What it is called in messages; this map's label and the key by default.
  func block(_ key: String, _ label: String? = nil) -> MapReader? {
    guard case .table(let inner) = field(key).type else { return wrongAccess(key) }
    guard let node = session.map(self[key], label ?? place(key)) else { return nil }
    return MapReader(session, node, inner, label ?? place(key))
  }

  // MARK: Our own bugs

  private func field(_ key: String) -> ConfigField {
    guard let field = table[key] else {
      preconditionFailure("\(table.name) has no key \(key) in its table")
    }
    return field
  }

  private func wrongAccess<Value>(_ key: String) -> Value? {
    preconditionFailure("\(table.name).\(key) is read as another type than its table says")
  }
}
