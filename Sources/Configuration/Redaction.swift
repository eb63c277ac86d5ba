import Engine

/// Replaces credentials in text that leaves the process.
enum Redaction {
  /// 6: shorter values would blacken words that have nothing to do with them.
  static let secretLengthMin = 6

  /// Keys whose value is a credential wherever they stand (config.md 3.3).
  static func isCredential(key: String) -> Bool {
    // A header has dashes for what is an underscore elsewhere, and often an X before it.
    var name = key.lowercased()
    // Each key of a large project is asked, and few have one.
    if name.utf8.contains(UInt8(ascii: "-")) { name = name.replacing("-", with: "_") }
    if name.hasPrefix("x_") { name = String(name.dropFirst(2)) }
    return switch name {
    case "token", "secret", "password", "api_key", "auth_token", "auth_token_env",
      "authorization":
      true
    default: false
    }
  }

  /// Variables whose name says that their value is a credential.
  static func isCredential(variable: String) -> Bool {
    let name = variable.uppercased()
    return ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "CREDENTIAL", "PRIVATE"]
      .contains { name.contains($0) }
  }

  /// A value without credentials: neither those known by their key nor those known by value.
  static func redacting(_ value: JSONValue, _ redactor: Redactor) -> JSONValue {
    redacted(value, redactor) ?? value
  }

  /// As ``redacting(_:_:)``, nil where nothing is to be hidden: most of a large project is
  /// not copied then.
  ///
  /// - Parameter redactor: Of the credentials known by value; making one takes longer than a small
  ///   document does.
  static func redacted(_ value: JSONValue, _ redactor: Redactor) -> JSONValue? {
    let hidden = hidingLiterals(value)
    guard !redactor.isEmpty else { return hidden }
    return hidingValues(hidden ?? value, redactor) ?? hidden
  }

  private static func hidingValues(_ value: JSONValue, _ redactor: Redactor) -> JSONValue? {
    if case .string(let text) = value {
      let shown = redactor.apply(text)
      return shown == text ? nil : .string(shown)
    }
    return changed(value) { hidingValues($0.value, redactor) }
  }

  /// A value with `***` for every literal credential in it.
  private static func hidingLiterals(_ value: JSONValue) -> JSONValue? {
    changed(value) { isCredential(key: $0.key) ? hidingAll($0.value) : hidingLiterals($0.value) }
  }

  /// A variable's name stays readable: `${TOKEN}` is no secret, what stands for it is.
  private static func hidingAll(_ value: JSONValue) -> JSONValue? {
    switch value {
    case .string(let text): DocumentRedaction.hidingLiteral(text).map(JSONValue.string)
    case .number: "***"
    // Below a map keys tell again what is a credential.
    case .object: hidingLiterals(value)
    default: changed(value) { hidingAll($0.value) }
    }
  }

  /// A list or map with what becomes of its members; nil where nothing becomes of any.
  private static func changed(
    _ value: JSONValue, _ body: (JSONObject.Member) -> JSONValue?
  ) -> JSONValue? {
    switch value {
    case .array(let list):
      var result: [JSONValue]?
      for (index, each) in list.enumerated() {
        guard let new = body(JSONObject.Member(key: "", value: each)) else { continue }
        if result == nil { result = list }
        result?[index] = new
      }
      return result.map(JSONValue.array)
    case .object(let object):
      var result: [JSONObject.Member]?
      for (index, member) in object.members.enumerated() {
        guard let new = body(member) else { continue }
        if result == nil { result = Array(object.members) }
        result?[index].value = new
      }
      return result.map { .object(JSONObject($0)) }
    default: return nil
    }
  }
}
