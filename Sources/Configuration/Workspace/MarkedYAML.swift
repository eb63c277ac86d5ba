import Engine

/// Writes a tree as YAML, one value a line, with the places of those that come from one file.
struct MarkedYAML {
  private let marked: String?

  init(marking file: String?) { marked = file }

  /// - Parameter json: What is written; it has the shape of the node.
  func lines(_ node: Node, _ json: JSONValue, isMarked: Bool = false) -> [String] {
    switch (node.content, json) {
    case (.map(let pairs), .object(let object)) where !pairs.isEmpty:
      return pairs.flatMap { pair -> [String] in
        let value = object[pair.key] ?? .null
        return entry(YAMLText.scalar(.string(pair.key)) + ":", pair.value, value, isMarked)
      }
    case (.list(let list), .array(let values)) where !list.isEmpty:
      return zip(list, values).flatMap { element, value in
        item(element, value, isMarked)
      }
    default: return [YAMLText.scalar(json) + mark(node, isMarked)]
    }
  }

  private func entry(_ key: String, _ node: Node, _ value: JSONValue, _ isMarked: Bool) -> [String]
  {
    guard isNested(node) else {
      return lines(node, value, isMarked: isMarked).map { "\(key) \($0)" }
    }
    // What is new as a whole is marked once.
    let place = mark(node, isMarked)
    return [key + place]
      + lines(node, value, isMarked: isMarked || !place.isEmpty).map { "  " + $0 }
  }

  private func item(_ node: Node, _ value: JSONValue, _ isMarked: Bool) -> [String] {
    let place = isNested(node) ? mark(node, isMarked) : ""
    var inner = lines(node, value, isMarked: isMarked || !place.isEmpty)
    if let first = inner.first { inner[0] = first + place }
    return inner.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
  }

  private func isNested(_ node: Node) -> Bool {
    !node.pairs.isEmpty || !(node.list ?? []).isEmpty
  }

  private func mark(_ node: Node, _ isMarked: Bool) -> String {
    !isMarked && marked != nil && node.origin.file == marked ? "  # \(node.origin)" : ""
  }
}
