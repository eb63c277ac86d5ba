/// What stands literally in a module's documents, which never hold a secret: what a variable
/// brought in is not there, and credentials are `***`.
///
/// What a parameter brought in stands there as well, where the parameter itself is written so.
struct WrittenValues {
  private struct Entry: Hashable {
    let key: String
    let value: JSONValue
  }

  private var entries: Set<Entry> = []
  /// The parameters that may be shown.
  private let parameters: [String: JSONValue]

  init(_ documents: JSONText) {
    let value = documents.value()
    let given = value["params"]?.object?.members ?? []
    parameters = Dictionary(
      given.filter { WrittenValues.mayBeShown($0.value, name: $0.key) }
        .map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    // Not the hashes of variables and files, which are no values.
    for part in ["documents", "params", "defaults"] {
      if let value = value[part] { collect(value, key: "") }
    }
  }

  /// Keys and names whose value may be a credential. Wider than what the files' reader takes for
  /// one: to hide too much costs a look into the file.
  static func isTelling(_ key: some StringProtocol) -> Bool {
    let key = key.lowercased()
    return [
      "token", "secret", "passw", "key", "auth", "credential", "private", "cookie", "signature",
      "session", "cert",
    ].contains { key.contains($0) }
  }

  /// Whether a parameter is no credential and says its value itself: another parameter or a
  /// variable in it was replaced, and by what is not known here.
  private static func mayBeShown(_ value: JSONValue, name: String) -> Bool {
    guard !isTelling(name) else { return false }
    return switch value {
    case .string(let text): !["${", "{{", "***"].contains(where: text.contains)
    case .number, .bool, .null: true
    case .array, .object: false
    }
  }

  /// Whether each scalar in a value was written so under its key.
  func contains(_ value: JSONValue, key: String) -> Bool {
    switch value {
    case .null, .bool: true
    case .string, .number: entries.contains(Entry(key: key, value: value))
    case .array(let list): list.allSatisfy { contains($0, key: key) }
    case .object(let object):
      object.members.allSatisfy { contains($0.value, key: $0.key) }
    }
  }

  /// What a file says, with the values of its parameters put in; nil where one may not be shown.
  func filled(_ value: JSONValue) -> JSONValue? {
    switch value {
    case .null, .bool, .number: return value
    case .string(let text): return filledText(text)
    case .array(let list):
      let values = list.compactMap(filled)
      return values.count == list.count ? .array(values) : nil
    case .object(let object):
      let members = object.members.compactMap { member in
        filled(member.value).map { JSONObject.Member(key: member.key, value: $0) }
      }
      return members.count == object.members.count ? .object(JSONObject(members)) : nil
    }
  }

  private func filledText(_ text: String) -> JSONValue? {
    let parts = ParameterPlaceholder.parts(of: text)
    // Alone it has the type of its parameter.
    if case .parameter(let name)? = parts.first, parts.count == 1 { return parameters[name] }
    guard parts.count > 1 else { return .string(text) }
    guard !text.contains("${") else { return nil }
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .parameter(let name):
        guard let value = parameters[name] else { return nil }
        result += WrittenValues.text(of: value)
      }
    }
    return .string(result)
  }

  private static func text(of scalar: JSONValue) -> String {
    scalar.isNull ? "" : scalar.string ?? JSONText(scalar).description
  }

  private mutating func collect(_ value: JSONValue, key: String) {
    switch value {
    case .null, .bool: break
    case .string(let text):
      entries.insert(Entry(key: key, value: value))
      guard let filled = filledText(text), filled != value else { break }
      entries.insert(Entry(key: key, value: filled))
      // A number that was given by hand is kept as text; what is no JSON is no number.
      let number = filled.string.flatMap { try? JSONText(checking: Array($0.utf8)) }?.value()
      if case .number? = number, let number { entries.insert(Entry(key: key, value: number)) }
    case .number: entries.insert(Entry(key: key, value: value))
    case .array(let list): for each in list { collect(each, key: key) }
    case .object(let object):
      for member in object.members { collect(member.value, key: member.key) }
    }
  }
}
