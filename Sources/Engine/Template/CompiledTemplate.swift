/// A route's `then.config` with its placeholders found, ready to be filled per attempt
/// (config.md 6.4).
///
/// One pass: text that comes from an event is data and is never looked at again
/// (reliability.md 4, T1).
package struct CompiledTemplate: Sendable {
  private let source: JSONObject
  /// Nil when nothing is to be filled in: then the configuration is handed on as it is.
  private let root: [Member]?

  /// 256 KiB: the largest configuration after filling in (reliability.md 4, T2).
  package static let outputBytesMax = 256 << 10

  private struct Member: Sendable {
    let key: String
    let node: Node
  }

  private indirect enum Node: Sendable {
    case literal(JSONValue)
    case text(TextTemplate)
    case list([Node])
    case map([Member])
  }

  /// Finds the placeholders, once per route.
  package init(_ config: JSONObject) {
    source = config
    let members = CompiledTemplate.compile(config)
    let isLiteral = members.allSatisfy { if case .literal = $0.node { true } else { false } }
    root = isLiteral && !CompiledTemplate.hasEscapes(members, config) ? nil : members
  }

  /// Whether rendering gives something else than the configuration as written.
  package var isInterpolated: Bool { root != nil }

  /// What in a text begins as a placeholder does and is none, so that it goes out as it is.
  package static func unreadPlaceholders(in text: String) -> [String] {
    TextTemplate.unread(in: text)
  }

  /// Fills in the placeholders.
  ///
  /// - Parameters:
  ///   - event: The whole envelope after the transforms.
  ///   - now: The attempt's time, milliseconds since 1970.
  /// - Throws: ``EngineError`` `.invalid` when the result would be larger than
  ///   ``outputBytesMax``.
  package func render(
    event: JSONText, now: Int64, route: String, deliveryID: String
  ) throws(EngineError) -> JSONObject {
    guard let root else { return source }
    var filler = TextTemplate.Filler(
      event: event, now: now, route: route, deliveryID: deliveryID,
      bytesLeft: CompiledTemplate.outputBytesMax)
    return try CompiledTemplate.fill(root, &filler)
  }

  private static func compile(_ object: JSONObject) -> [Member] {
    object.members.map { Member(key: $0.key, node: compile($0.value, field: $0.key)) }
  }

  /// - Parameter field: The nearest key above, which decides what stands in for a missing value.
  private static func compile(_ value: JSONValue, field: String) -> Node {
    switch value {
    case .string(let text):
      let template = TextTemplate(text, field: field)
      return template.isLiteral ? .literal(.string(template.literalText)) : .text(template)
    case .array(let list):
      let nodes = list.map { compile($0, field: field) }
      return isLiteral(nodes) ? .literal(.array(nodes.compactMap(literal))) : .list(nodes)
    case .object(let object):
      let members = compile(object)
      guard isLiteral(members.map(\.node)) else { return .map(members) }
      return .literal(
        .object(
          JSONObject(
            members.map {
              JSONObject.Member(key: $0.key, value: literal($0.node) ?? .null)
            })))
    default: return .literal(value)
    }
  }

  private static func isLiteral(_ nodes: [Node]) -> Bool { nodes.allSatisfy { literal($0) != nil } }

  private static func literal(_ node: Node) -> JSONValue? {
    if case .literal(let value) = node { value } else { nil }
  }

  /// Whether `\{{` changed a value even though there is nothing to fill in.
  private static func hasEscapes(_ members: [Member], _ config: JSONObject) -> Bool {
    zip(members, config.members).contains { literal($0.node) != $1.value }
  }

  private static func fill(
    _ members: [Member], _ filler: inout TextTemplate.Filler
  ) throws(EngineError) -> JSONObject {
    var result: [JSONObject.Member] = []
    result.reserveCapacity(members.count)
    for member in members {
      try filler.take(member.key.utf8.count)
      result.append(JSONObject.Member(key: member.key, value: try fill(member.node, &filler)))
    }
    return JSONObject(result)
  }

  private static func fill(
    _ node: Node, _ filler: inout TextTemplate.Filler
  ) throws(EngineError) -> JSONValue {
    switch node {
    case .literal(let value):
      try filler.take(JSONText(value).bytes.count)
      return value
    case .text(let template): return .string(try filler.text(of: template))
    case .list(let nodes):
      var list: [JSONValue] = []
      list.reserveCapacity(nodes.count)
      for node in nodes { list.append(try fill(node, &filler)) }
      return .array(list)
    case .map(let members): return .object(try fill(members, &filler))
    }
  }
}
