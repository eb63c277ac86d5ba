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
    case .string(let text) where text.contains("${") || text.contains("{{"): value
    case .string, .number: FieldChange.hidden
    case .array(let list): .array(list.map(hidden))
    default: hiding(value)
    }
  }
}
