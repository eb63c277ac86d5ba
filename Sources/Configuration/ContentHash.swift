import Crypto
import Engine

/// What a generation is compared by (config.md 1.3, 3.3).
enum ContentHash {
  /// SHA-256 in lower-case hex.
  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    hex(digest: SHA256.hash(data: Array(bytes)))
  }

  /// A hash that shows whether a value changed and, without the key, nothing else.
  static func keyed(_ value: String, name: String, key: [UInt8]) -> String {
    let code = HMAC<SHA256>.authenticationCode(
      for: Array("\(name)\u{0}\(value)".utf8), using: SymmetricKey(data: key))
    return hex(digest: code)
  }

  /// What a module without a name is called.
  static func moduleName(of path: String) -> String { "mod-" + hex(path.utf8).prefix(12) }

  private static func hex(digest: some Sequence<UInt8>) -> String {
    digest.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
  }

  /// The documents of a module as they are written, with the hashes of everything they bring in.
  ///
  /// - Parameters:
  ///   - captured: SHA-256 of scripts and prompts by the name of the file.
  ///   - lower: The `defaults` that lie below the module's own.
  ///   - secrets: Credentials, which are replaced; the fingerprint still shows that one changed.
  static func documents(
    _ draft: ModuleDraft, captured: [String: String], lower: [JSONValue], secrets: [String],
    key: [UInt8]
  ) -> JSONText {
    let variables = draft.scope.used.sorted { $0.key < $1.key }
      .map {
        JSONObject.Member(
          key: $0.key, value: .string(keyed($0.value, name: $0.key, key: key)))
      }
    let files = captured.sorted { $0.key < $1.key }
      .map { JSONObject.Member(key: $0.key, value: .string($0.value)) }
    let parameters = draft.parameters.sorted { $0.key < $1.key }
      .map { JSONObject.Member(key: $0.key, value: $0.value.writtenJSON) }
    let brought = draft.parameters.values.flatMap { $0.replacement?.values ?? [] }
      .map {
        JSONObject.Member(
          key: $0.name, value: .string(keyed($0.value, name: $0.name, key: key)))
      }
      .sorted { $0.key < $1.key }
    let written: JSONValue = [
      "documents": .object(JSONObject(draft.documents)),
      "params": .object(JSONObject(parameters)),
      "defaults": .array(lower),
    ]
    let fingerprint = keyed(JSONText(written).description, name: "documents", key: key)
    var members = Redaction.redacting(written, secrets: secrets).object ?? [:]
    members["captured"] = .object(JSONObject(files))
    members["variables"] = .object(JSONObject(variables + brought))
    members["fingerprint"] = .string(fingerprint)
    return JSONText(.object(members))
  }
}
