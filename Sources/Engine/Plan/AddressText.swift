/// Addresses without what lets those in who know it.
///
/// Where else an address may hold a credential, in its path, nothing tells it from a name.
enum AddressText {
  /// A value with `***` for the user and password of every address in it, for the values of its
  /// query, and for its fragment. Source: <https://www.rfc-editor.org/rfc/rfc3986#section-3>
  static func hidingCredentials(in value: JSONValue) -> JSONValue {
    switch value {
    case .string(let text): .string(hidingCredentials(in: text))
    case .array(let list): .array(list.map(hidingCredentials))
    case .object(let object):
      .object(
        JSONObject(
          object.members.map {
            JSONObject.Member(key: $0.key, value: hidingCredentials(in: $0.value))
          }))
    default: value
    }
  }

  private static func hidingCredentials(in text: String) -> String {
    var shown = ""
    var rest = text[...]
    while let mark = rest.firstRange(of: "://") {
      shown += rest[..<mark.upperBound]
      rest = rest[mark.upperBound...]
      let end = rest.firstIndex { $0.isWhitespace || "\"'`<>".contains($0) } ?? rest.endIndex
      shown += withoutCredentials(rest[..<end])
      rest = rest[end...]
    }
    return shown + rest
  }

  /// - Parameter address: What stands behind the scheme.
  private static func withoutCredentials(_ address: Substring) -> String {
    var rest = address
    var shown = ""
    if let end = endOfUser(address) {
      shown = "***"
      rest = address[end...]
    }
    let parts = rest.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let halves = parts[0].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    shown += halves[0]
    if halves.count > 1 { shown += "?" + withoutValues(halves[1]) }
    if parts.count > 1 { shown += "#" + (parts[1].isEmpty ? "" : "***") }
    return shown
  }

  /// The `@` behind user and password.
  ///
  /// One that is written into a password with `/`, `?` or `#` as it is, is no valid address, and
  /// is there all the same: then what seems to be the port is no number.
  private static func endOfUser(_ address: Substring) -> Substring.Index? {
    let authority = address.prefix { !"/?#".contains($0) }
    let at = authority.lastIndex(of: "@")
    let host = at.map { authority[$0...].dropFirst() } ?? authority
    let port = host.split(separator: ":", omittingEmptySubsequences: false).dropFirst().last ?? ""
    let isHost = host.hasPrefix("[") || port.allSatisfy(\.isNumber)
    return isHost ? at : address.lastIndex(of: "@")
  }

  private static func withoutValues(_ query: Substring) -> String {
    query.split(separator: "&", omittingEmptySubsequences: false).map { pair in
      guard let equals = pair.firstIndex(of: "=") else { return pair.isEmpty ? "" : "***" }
      return pair[...equals] + "***"
    }.joined(separator: "&")
  }
}
