/// Hides what a stored document may hold of credentials although nobody said so: the history is
/// shown to people who may not see the files.
package enum DocumentRedaction {
  /// Keys that sound like a credential and name an ordering.
  private static let harmless: Set<String> = [
    "order_key", "session_key", "dedup_key", "key", "keys",
  ]

  /// A document with `***` for literal values under telling keys, and for the credentials of
  /// addresses. Names of variables and parameters stay.
  package static func apply(_ value: JSONValue) -> JSONValue {
    hiding(AddressText.hidingCredentials(in: value))
  }

  /// A credential as it is written, with `***` for what is a value: the names of variables and
  /// parameters stay. Nil where nothing is to be hidden.
  package static func hidingLiteral(_ text: String) -> String? {
    // "$${" stands for itself, and so names no variable.
    guard text.replacing("$${", with: "").contains("${") else {
      return text.contains("{{") || text.contains("***") ? nil : "***"
    }
    // A default is as literal as a value that stands alone.
    let hidden = text.replacing(#/\$\{(\w+):-[^}]+\}/#) { "${\($0.1):-***}" }
    return hidden == text ? nil : hidden
  }

  private static func hiding(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let list): .array(list.map(hiding))
    case .object(let object):
      .object(
        JSONObject(
          object.members.map { member in
            let isTelling =
              !harmless.contains(member.key.lowercased()) && WrittenValues.isTelling(member.key)
            return JSONObject.Member(
              key: member.key, value: isTelling ? hidden(member.value) : hiding(member.value))
          }))
    default: value
    }
  }

  private static func hidden(_ value: JSONValue) -> JSONValue {
    switch value {
    case .string(let text): hidingLiteral(text).map(JSONValue.string) ?? value
    case .number: FieldChange.hidden
    case .array(let list): .array(list.map(hidden))
    default: hiding(value)
    }
  }
}
