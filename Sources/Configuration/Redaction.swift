import Engine

/// Replaces credentials in text that leaves the process.
enum Redaction {
  /// 6: shorter values would blacken words that have nothing to do with them.
  static let secretLengthMin = 6

  static func apply(_ text: String, secrets: [String]) -> String {
    secrets.reduce(text) { $0.contains($1) ? $0.replacing($1, with: "***") : $0 }
  }

  /// Keys whose value is a credential wherever they stand (config.md 3.3).
  static func isCredential(key: String) -> Bool {
    switch key.lowercased() {
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
  static func redacting(_ value: JSONValue, secrets: [String]) -> JSONValue {
    replacing(redactingLiterals(value), Redactor(secrets))
  }

  private static func replacing(_ value: JSONValue, _ redactor: Redactor) -> JSONValue {
    switch value {
    case .string(let text): .string(redactor.apply(text))
    case .array(let list): .array(list.map { replacing($0, redactor) })
    case .object(let object):
      .object(
        JSONObject(
          object.members.map {
            JSONObject.Member(key: $0.key, value: replacing($0.value, redactor))
          }))
    default: value
    }
  }

  /// A value with `***` for every literal credential in it.
  private static func redactingLiterals(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let list): .array(list.map(redactingLiterals))
    case .object(let object):
      .object(
        JSONObject(
          object.members.map { member in
            var member = member
            member.value =
              isCredential(key: member.key)
              ? hidden(member.value) : redactingLiterals(member.value)
            return member
          }))
    default: value
    }
  }

  /// A variable's name stays readable: `${TOKEN}` is no secret, what stands for it is.
  private static func hidden(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let list): .array(list.map(hidden))
    case .string(let text) where text.contains("${") || text.contains("{{") || text.contains("***"):
      value
    case .string, .number: "***"
    default: redactingLiterals(value)
    }
  }
}
