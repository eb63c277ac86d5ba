import Crypto
package import Engine

/// Lets an event pass once for each key (connectors.md 4.2).
///
/// What has passed, and what waits to, is the engine's matter: it is committed with the outcome of
/// the delivery. Here is only the key.
package struct DedupTransform: Transform {
  private let paths: [DotPath]
  private let windowMs: Int64

  private static let usual = ["source", "type", "id"]
  /// The first is the documented one.
  private static let names = ["key", "fields", "key_fields"]

  static let fields: [ConfigField] = [
    ConfigField("key", .list(.dotPath), "What makes events the same: dot paths."),
    ConfigField("fields", .list(.dotPath), "Same as key."),
    ConfigField("key_fields", .list(.dotPath), "Same as key."),
    ConfigField(
      "window", .duration, default: "5m", "How long a key counts after its delivery succeeded."),
    ConfigField("store", .choice(["memory"]), ignored: true),
    ConfigField("track_delivery", .boolean, ignored: true),
  ]

  static func check(_ config: JSONObject) -> [ConfigProblem] {
    let given = names.filter { config[$0] != nil }
    var problems = given.dropFirst().map {
      ConfigProblem([$0], "\($0) and \(given[0]) are two names of one thing; give one of them")
    }
    problems += given.filter { config.strings($0).isEmpty }.map {
      ConfigProblem([$0], "\($0) must have at least one path")
    }
    if config.durationMs("window") == 0 {
      problems.append(ConfigProblem(["window"], "window must be longer than 0"))
    }
    return problems
  }

  /// - Throws: ``ConfigProblem`` for a path that is none.
  package init(_ config: JSONObject) throws {
    let texts = DedupTransform.names.lazy.map(config.strings).first { !$0.isEmpty }
    paths = try (texts ?? DedupTransform.usual).map { text in
      guard let path = DotPath(text) else {
        throw ConfigProblem(["key"], "\(text) is not a dot path")
      }
      return path
    }
    windowMs = config.durationMs("window") ?? 300_000
  }

  package func apply(_ event: JSONText, context: TransformContext) async throws -> TransformResult {
    var hash = SHA256()
    for (index, path) in paths.enumerated() {
      if index > 0 { hash.update(data: [0]) }
      let text = event.value(at: path).map(DedupTransform.text) ?? ""
      hash.update(data: Array(text.utf8))
    }
    return .once(key: Array(hash.finalize()), windowMs: windowMs)
  }

  /// A scalar as it stands, null as nothing, lists and maps as JSON that does not depend on the
  /// order of keys.
  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .array, .object: JSONText(sorted(value)).description
    default: JSONValue.scalarText(value) ?? ""
    }
  }

  private static func sorted(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let list): .array(list.map(sorted))
    case .object(let object):
      .object(
        JSONObject(
          object.members
            .map { JSONObject.Member(key: $0.key, value: sorted($0.value)) }
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }))
    default: value
    }
  }
}
