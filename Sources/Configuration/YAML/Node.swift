import Engine

/// A value of a configuration file with the place where it stands.
///
/// Variables and parameters are replaced in it after parsing; what was written stays beside the
/// result, so that documents, hashes and everything that is shown can do without the values.
struct Node: Sendable {
  var content: Content
  var origin: Origin
  private var box: Box?

  /// Set when variables or parameters were replaced in this scalar.
  var replacement: Replacement? {
    get { box?.replacement }
    set { box = newValue.map(Box.init) }
  }

  /// Large projects have hundreds of thousands of nodes, and few with a replacement: a node without
  /// one has a word for it.
  private final class Box: Sendable {
    let replacement: Replacement

    init(_ replacement: Replacement) { self.replacement = replacement }
  }

  enum Content: Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case list([Node])
    case map([Pair])
  }

  /// A member of a map.
  struct Pair: Sendable {
    var key: String
    var keyOrigin: Origin
    var value: Node
  }

  /// How a scalar came to its value.
  struct Replacement: Sendable {
    /// The text in the file.
    var written: String
    /// The text with `***` for every replaced value.
    var shown: String
    /// The values that were put in.
    var values: [(name: String, value: String)]
    /// What stands after `:-` of variables that are not set or empty.
    var defaults: [(name: String, text: String)] = []
    /// Parameters whose value somebody has written as it is, with the place of that.
    var literals: [(text: String, origin: Origin)] = []
    var isFromParameter = false
    /// Where the value of the parameter stands that the whole scalar is.
    var parameterOrigin: Origin?
    /// A variable was not set: the text stands for nothing, and checking it would only repeat the
    /// error.
    var isUnresolved = false

    /// The text that is shown is another than the one that is used.
    var hides: Bool { isUnresolved || !values.isEmpty }
  }

  init(_ content: Content, at origin: Origin) {
    self.content = content
    self.origin = origin
  }

  subscript(key: String) -> Node? { pair(key)?.value }

  /// A map that has none of these keys; anything else as it is.
  func without(_ keys: Set<String>) -> Node {
    guard case .map(let pairs) = content else { return self }
    var node = self
    node.content = .map(pairs.filter { !keys.contains($0.key) })
    return node
  }

  /// The last member of that name; there is only one in what the parser returns.
  func pair(_ key: String) -> Pair? { pairs.first { $0.key == key } }

  var pairs: [Pair] { if case .map(let pairs) = content { pairs } else { [] } }
  var list: [Node]? { if case .list(let list) = content { list } else { nil } }
  var string: String? { if case .string(let text) = content { text } else { nil } }
  var isNull: Bool { if case .null = content { true } else { false } }
  var isMap: Bool { if case .map = content { true } else { false } }
  var isUnresolved: Bool { box?.replacement.isUnresolved ?? false }
  var isReplaced: Bool { box != nil }

  /// Somebody has written the value as it is: nothing in it comes from elsewhere.
  var isLiteral: Bool {
    guard let replacement = box?.replacement else { return true }
    return replacement.values.isEmpty && replacement.defaults.isEmpty
      && !replacement.isFromParameter && !replacement.isUnresolved
  }

  /// A word for the kind of value, for messages.
  var kind: String {
    switch content {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// The value, or the number or boolean that a text from a variable stands for (config.md 2).
  var typed: Content {
    guard isReplaced, !isUnresolved, case .string(let text) = content,
      // A number beyond 64 bits stays the text it is.
      let resolved = try? CoreSchema.resolve(text)
    else { return content }
    return switch resolved {
    case .number: resolved
    case .bool where text == "true" || text == "false": resolved
    default: content
    }
  }

  /// A scalar as text for messages, without anything that a variable brought in.
  var display: String {
    let text = replacement?.shown ?? scalarText ?? kind
    guard text.utf8.count > LoadLimits.shownCharactersMax else { return text }
    return text.prefix(LoadLimits.shownCharactersMax) + "…"
  }

  /// About how many bytes the tree takes.
  var weight: Int {
    switch content {
    case .null, .bool, .number: LoadLimits.valueBytes
    case .string(let text): LoadLimits.valueBytes + text.utf8.count
    case .list(let list): list.reduce(LoadLimits.valueBytes) { $0 + $1.weight }
    case .map(let pairs):
      pairs.reduce(LoadLimits.valueBytes) { $0 + $1.key.utf8.count + $1.value.weight }
    }
  }

  /// The text of a scalar.
  var scalarText: String? {
    switch content {
    case .bool(let flag): flag ? "true" : "false"
    case .number(let number): number.text
    case .string(let text): text
    case .null, .list, .map: nil
    }
  }

  /// The value for use.
  var json: JSONValue { json(scalar: { _ in nil }) }

  /// The value as it is written in the file.
  var writtenJSON: JSONValue {
    json { $0.replacement.map { .string($0.written) } }
  }

  /// The value with `***` for what variables brought in. Where they brought in nothing, a
  /// parameter's value keeps its type.
  var shownJSON: JSONValue {
    json { node in
      guard let replacement = node.replacement, replacement.hides else { return nil }
      return .string(replacement.shown)
    }
  }

  /// Every scalar below this node, itself included.
  func forEachScalar(_ body: (_ key: String?, Node) -> Void, key: String? = nil) {
    switch content {
    case .list(let list): for each in list { each.forEachScalar(body, key: key) }
    case .map(let pairs): for pair in pairs { pair.value.forEachScalar(body, key: pair.key) }
    default: body(key, self)
    }
  }

  /// The node that a path of keys and positions leads to, or the last one on the way.
  func descend(_ path: [String]) -> Node {
    var current = self
    for step in path {
      if let next = current[step] {
        current = next
      } else if let list = current.list, let index = Int(step), list.indices.contains(index) {
        current = list[index]
      } else {
        return current
      }
    }
    return current
  }

  /// The value, with credentials that are written literally replaced as well as what `scalar`
  /// replaces. A credential is known by its key.
  private func json(scalar: (Node) -> JSONValue?) -> JSONValue {
    if let other = scalar(self) { return other }
    return switch content {
    case .null: .null
    case .bool(let flag): .bool(flag)
    case .number(let number): .number(number)
    case .string(let text): .string(text)
    case .list(let list): .array(list.map { $0.json(scalar: scalar) })
    case .map(let pairs):
      .object(
        JSONObject(
          pairs.map {
            JSONObject.Member(key: $0.key, value: $0.value.json(scalar: scalar))
          }))
    }
  }
}
