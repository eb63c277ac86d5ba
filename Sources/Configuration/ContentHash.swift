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

  /// What is kept of a module's documents.
  struct Stored {
    /// Shows every change that can have an effect.
    var hash: String
    /// The documents as they are written, without secrets, with the hashes of everything they
    /// bring in.
    var documents: JSONText
    /// Credentials that are written literally, by the place in ``documents`` where `***` stands.
    var literals: [String: JSONValue]
  }

  /// The documents of a module as they are kept.
  ///
  /// What is hashed has its keys sorted, except within `config`, where their order can be seen in
  /// what an actor or a script is given: so only what can have an effect changes the hash.
  ///
  /// - Parameters:
  ///   - captured: SHA-256 of scripts and prompts by the name of the file.
  ///   - lower: The `defaults` that lie below the module's own.
  ///   - redactor: Of credentials, which are replaced; the fingerprint still shows that one changed.
  static func documents(
    _ draft: ModuleDraft, captured: [String: String], lower: [Node], redactor: Redactor,
    key: [UInt8]
  ) -> Stored {
    let variables = draft.scope.used.sorted { $0.key < $1.key }
      .map {
        JSONObject.Member(
          key: $0.key, value: .string(keyed($0.value, name: $0.key, key: key)))
      }
    let files = captured.sorted { $0.key < $1.key }
      .map { JSONObject.Member(key: $0.key, value: .string($0.value)) }
    let parameters = draft.parameters.sorted { $0.key < $1.key }
      .map { JSONObject.Member(key: $0.key, value: $0.value.writtenJSON) }
    let inherited = broughtIn(Array(draft.parameters.values) + lower)
      .map {
        JSONObject.Member(
          key: $0.name, value: .string(keyed($0.value, name: $0.name, key: key)))
      }
    func above(_ arranged: (JSONValue) -> JSONValue) -> JSONObject {
      [
        "params": .object(JSONObject(parameters)),
        "defaults": .array(lower.map { arranged($0.writtenJSON) }),
      ]
    }
    var stored = Parts(JSONBytes())
    var hashed = Parts(SHA256())
    var fingerprinted = Parts(HMAC<SHA256>(key: SymmetricKey(data: key)))
    fingerprinted.sink.append(Array("documents\u{0}".utf8))
    var literals = LiteralCredentials.Finds()
    // One after the other, and what is hashed is not kept: the whole of a large project is many
    // times its text.
    for document in draft.documents {
      let written = document.node.writtenJSON
      let hidden = Redaction.redacted(written, redactor)
      if let hidden { literals.add(written, hidden, in: ["documents", document.name]) }
      stored.add(document.name, JSONText(hidden ?? written))
      let sorted = JSONText(sortingKeys(written))
      fingerprinted.add(document.name, sorted)
      hashed.add(document.name, hidden.map { JSONText(sortingKeys($0)) } ?? sorted)
    }
    fingerprinted.end(with: above(sortingKeys))
    let fingerprint = hex(digest: fingerprinted.sink.finalize())
    func whole(_ object: JSONObject) -> JSONObject {
      let written = JSONValue.object(object)
      let hidden = Redaction.redacted(written, redactor)
      if let hidden { literals.add(written, hidden, in: []) }
      var whole = (hidden ?? written).object ?? object
      whole["captured"] = .object(JSONObject(files))
      whole["variables"] = .object(JSONObject(variables))
      whole["inherited_variables"] = .object(JSONObject(inherited))
      whole["fingerprint"] = .string(fingerprint)
      return whole
    }
    hashed.end(with: whole(above(sortingKeys)))
    stored.end(with: whole(above { $0 }))
    return Stored(
      hash: hex(digest: hashed.sink.finalize()), documents: stored.sink.text,
      literals: literals.found)
  }

  /// `{"documents": {…}, …}`, written document by document.
  private struct Parts<Sink: ByteSink> {
    var sink: Sink
    private var isFirst = true

    init(_ sink: Sink) {
      self.sink = sink
    }

    mutating func add(_ name: String, _ document: JSONText) {
      sink.append(Array((isFirst ? "{\"documents\":{" : ",").utf8))
      sink.append(JSONText(.string(name)).bytes + [UInt8(ascii: ":")])
      sink.append(document.bytes)
      isFirst = false
    }

    /// - Parameter rest: The members that follow the documents.
    mutating func end(with rest: JSONObject) {
      sink.append(Array((isFirst ? "{\"documents\":{}," : "},").utf8))
      sink.append(Array(JSONText(.object(rest)).bytes.dropFirst()))
    }
  }

  /// Text that is kept, in no more memory than it has bytes.
  private struct JSONBytes: ByteSink {
    private var parts: [[UInt8]] = []

    mutating func append(_ bytes: [UInt8]) { parts.append(bytes) }

    var text: JSONText {
      var whole: [UInt8] = []
      whole.reserveCapacity(parts.reduce(0) { $0 + $1.count })
      for part in parts { whole += part }
      return JSONText(checked: whole)
    }
  }

  /// What variables of other scopes brought into nodes, by name. A name may have two values: one
  /// of the boot project's `.env`, one of the environment alone.
  private static func broughtIn(_ nodes: [Node]) -> [(name: String, value: String)] {
    var values: [String: Set<String>] = [:]
    for node in nodes {
      node.forEachScalar { _, scalar in
        for each in scalar.replacement?.values ?? [] {
          values[each.name, default: []].insert(each.value)
        }
      }
    }
    return values.sorted { $0.key < $1.key }
      .map { ($0.key, $0.value.sorted().joined(separator: "\u{0}")) }
  }

  private static func sortingKeys(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let list): return .array(list.map(sortingKeys))
    case .object(let object):
      let members = object.members.map { member in
        member.key == "config"
          ? member : JSONObject.Member(key: member.key, value: sortingKeys(member.value))
      }
      return .object(JSONObject(members.sorted { $0.key < $1.key }))
    default: return value
    }
  }
}

/// What takes a text piece by piece.
private protocol ByteSink {
  mutating func append(_ bytes: [UInt8])
}

extension SHA256: ByteSink {
  fileprivate mutating func append(_ bytes: [UInt8]) { update(data: bytes) }
}

extension HMAC: ByteSink {
  fileprivate mutating func append(_ bytes: [UInt8]) { update(data: bytes) }
}
