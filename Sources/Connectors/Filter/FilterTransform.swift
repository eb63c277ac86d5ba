package import Engine

/// Lets events pass or drops them (connectors.md 4.1).
package struct FilterTransform: Transform {
  private let exclude: [Entry]
  private let match: [Entry]
  private let matchAny: [Entry]

  /// One path and what its value must look like.
  private struct Entry: Sendable {
    let key: String
    let path: DotPath
    let pattern: FilterPattern
  }

  static let fields: [ConfigField] = [
    ConfigField("match", .map(.any), "Path to pattern; all must match."),
    ConfigField("match_any", .map(.any), "Path to pattern; one must match."),
    ConfigField("exclude", .map(.any), "Path to pattern; none may match."),
    ConfigField("jq", .string, "A jq expression instead; null and false drop."),
  ]

  /// - Throws: ``ConfigProblem`` for a path or pattern that cannot work.
  package init(_ config: JSONObject) throws {
    exclude = try FilterTransform.entries(config, "exclude")
    match = try FilterTransform.entries(config, "match")
    matchAny = try FilterTransform.entries(config, "match_any")
  }

  static func check(_ config: JSONObject) -> [ConfigProblem] {
    let keys = ["match", "match_any", "exclude"]
    if let expression = config.string("jq") {
      var problems = keys.filter { config[$0] != nil }.map {
        ConfigProblem([$0], "\($0) is ignored because jq is set", level: .warning)
      }
      if expression.allSatisfy(\.isWhitespace) || expression.contains("\0") {
        problems.append(ConfigProblem(["jq"], "jq must be an expression"))
      }
      return problems
    }
    return keys.compactMap { key -> ConfigProblem? in
      do throws(ConfigProblem) {
        _ = try entries(config, key)
        return nil
      } catch {
        return error
      }
    }
  }

  private static func entries(
    _ config: JSONObject, _ key: String
  ) throws(ConfigProblem) -> [Entry] {
    var entries: [Entry] = []
    for member in config[key]?.object?.members ?? [] {
      guard let path = DotPath(member.key) else {
        throw ConfigProblem([key, member.key], "this is not a dot path")
      }
      let pattern: FilterPattern
      do {
        pattern = try FilterPattern(member.value)
      } catch {
        throw ConfigProblem(
          [key, member.key], error.message + (error.hint.map { "; \($0)" } ?? ""))
      }
      entries.append(Entry(key: member.key, path: path, pattern: pattern))
    }
    return entries
  }

  /// Excluded first, then what must match, then what may; the reason names the key.
  package func apply(_ event: JSONText, context: TransformContext) async throws -> TransformResult {
    var steps = RegexSteps()
    func verdict(_ entry: Entry) -> ConditionVerdict {
      entry.pattern.verdict(on: event.value(at: entry.path), &steps)
    }
    for entry in exclude {
      switch verdict(entry) {
      case .holds: return .drop(reason: "exclude: \(entry.key) matches")
      case .regexLimit: throw FilterTransform.limit("exclude", entry)
      case .fails: break
      }
    }
    for entry in match {
      switch verdict(entry) {
      case .holds: break
      case .regexLimit: throw FilterTransform.limit("match", entry)
      case .fails: return .drop(reason: "match: \(entry.key) does not match")
      }
    }
    guard !matchAny.isEmpty else { return .pass }
    var undecided: Entry?
    for entry in matchAny {
      switch verdict(entry) {
      case .holds: return .pass
      case .regexLimit: undecided = undecided ?? entry
      case .fails: break
      }
    }
    if let undecided { throw FilterTransform.limit("match_any", undecided) }
    let keys = matchAny.map(\.key).joined(separator: ", ")
    return .drop(reason: "match_any: none of \(keys) matches")
  }

  /// Neither yes nor no: whether the event goes on is for the step's `on_error` to say.
  private static func limit(_ list: String, _ entry: Entry) -> TransformFailure {
    TransformFailure("\(list): the regular expression at \(entry.key) reached its step limit")
  }
}
