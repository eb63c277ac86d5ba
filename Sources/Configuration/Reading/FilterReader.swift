import Engine

extension Session {
  /// Reads a filter map (config.md 6.3). Entries with a problem are left out after a report.
  ///
  /// - Parameter isTop: `$or` is allowed, which it is not inside itself.
  func filter(_ node: Node?, _ label: String, isTop: Bool = true) -> Filter {
    var filter = Filter()
    guard let node = map(node, label) else { return filter }
    for pair in node.pairs {
      if pair.key == "$or" {
        guard isTop else {
          error("key.type", "\(label): $or stands only at the top level", at: pair.keyOrigin)
          continue
        }
        filter.anyOf = alternatives(pair.value, "\(label).$or")
        continue
      }
      let place = "\(label) \(pair.key)"
      if let problem = Session.filterPathProblem(pair.key) {
        error("key.type", "\(place): \(problem)", at: pair.keyOrigin)
        continue
      }
      guard let path = DotPath(pair.key) else { continue }
      guard let condition = condition(pair.value, place) else { continue }
      filter.entries.append(
        Filter.Entry(
          path: path, condition: condition, shown: JSONText(pair.value.writtenJSON).description))
    }
    return filter
  }

  /// No source gives an event a key with a blank at its top; one further down may have any.
  private static func filterPathProblem(_ text: String) -> String? {
    if let problem = pathProblem(text) { return problem }
    guard let path = DotPath(text), let first = path.segments.first?.key else { return nil }
    if first.contains(where: \.isWhitespace) {
      return "not a path: separate its segments by dots, such as payload.number"
    }
    return unknownAtArrival(path)
  }

  private func alternatives(_ node: Node, _ label: String) -> [Filter] {
    guard let list = list(node, label) else { return [] }
    if list.isEmpty { refuse(node, label, "an empty list never holds") }
    return list.map { filter($0, label, isTop: false) }
  }

  /// The condition for one value; nil after a report.
  func condition(_ node: Node, _ label: String) -> Condition? {
    switch node.content {
    case .null, .bool, .number, .string: return .equals(node.json)
    case .list(let list):
      guard !list.isEmpty else {
        refuse(node, label, "an empty list never holds")
        return nil
      }
      let conditions = list.compactMap { element -> Condition? in
        guard element.list == nil else {
          refuse(element, label, "a list holds scalars and operator maps, not lists")
          return nil
        }
        return condition(element, label)
      }
      return .any(conditions)
    case .map(let pairs): return operators(node, pairs, label)
    }
  }

  private static let operatorNames = [
    "prefix", "suffix", "equals-ignore-case", "wildcard", "regex", "anything-but", "numeric",
    "exists", "cidr",
  ]

  private func operators(_ node: Node, _ pairs: [Node.Pair], _ label: String) -> Condition? {
    let unknown = pairs.filter { !Session.operatorNames.contains($0.key) }
    if unknown.count == pairs.count {
      let meant = pairs.first.flatMap {
        Suggestion.nearest(to: $0.key, among: Session.operatorNames)
      }
      guard meant != nil else {
        refuse(node, label, "a map holds operators; to look inside a map, write the path with dots")
        return nil
      }
    }
    for pair in unknown {
      report(
        .error, "key.unknown-value", "\(label): unknown operator \"\(pair.key)\"",
        at: pair.keyOrigin, among: Session.operatorNames, meant: pair.key)
    }
    guard unknown.isEmpty else { return nil }
    let conditions = pairs.compactMap { condition(of: $0.key, $0.value, "\(label).\($0.key)") }
    guard conditions.count == pairs.count else { return nil }
    return conditions.count == 1 ? conditions[0] : .all(conditions)
  }

  private func condition(of name: String, _ node: Node, _ label: String) -> Condition? {
    switch name {
    case "prefix": affix(node, label).map { .prefix($0.text, ignoreCase: $0.ignoreCase) }
    case "suffix": affix(node, label).map { .suffix($0.text, ignoreCase: $0.ignoreCase) }
    case "equals-ignore-case": text(node, label).map(Condition.equalsIgnoreCase)
    case "wildcard": text(node, label).map(Condition.wildcard)
    case "regex": regex(node, label)
    case "anything-but": anythingBut(node, label)
    case "numeric": numeric(node, label)
    case "exists": flag(node, label).map(Condition.exists)
    default: cidr(node, label)
    }
  }

  private func affix(_ node: Node, _ label: String) -> (text: String, ignoreCase: Bool)? {
    guard node.isMap else { return text(node, label).map { ($0, false) } }
    guard node.pairs.count == 1, let inner = node["equals-ignore-case"] else {
      refuse(node, label, "takes a string or {equals-ignore-case: string}")
      return nil
    }
    return text(inner, label).map { ($0, true) }
  }

  private func regex(_ node: Node, _ label: String) -> Condition? {
    guard let text = text(node, label) else { return nil }
    do {
      return .regex(try RegexPattern(text))
    } catch {
      refuse(node, label, error.message)
      return nil
    }
  }

  private func anythingBut(_ node: Node, _ label: String) -> Condition? {
    switch node.content {
    case .map(let pairs):
      let allowed = ["prefix", "suffix", "wildcard", "equals-ignore-case"]
      let conditions = pairs.compactMap { pair -> Condition? in
        guard allowed.contains(pair.key) else {
          report(
            .error, "key.unknown-value",
            "\(label): takes only \(allowed.joined(separator: ", ")), not \"\(pair.key)\"",
            at: pair.keyOrigin, among: allowed, meant: pair.key)
          return nil
        }
        // A list of prefixes excludes each of them.
        let arguments = pair.value.list ?? [pair.value]
        let parts = arguments.compactMap { condition(of: pair.key, $0, "\(label).\(pair.key)") }
        return parts.count == 1 ? parts[0] : .any(parts)
      }
      if pairs.isEmpty { refuse(node, label, "an empty map excludes nothing") }
      return .anythingBut(conditions)
    case .list(let list):
      let values = list.filter { $0.list == nil && !$0.isMap }
      guard values.count == list.count, !list.isEmpty else {
        refuse(node, label, "takes a scalar, a list of scalars, or a map of operators")
        return nil
      }
      return .anythingBut(values.map { .equals($0.json) })
    default: return .anythingBut([.equals(node.json)])
    }
  }

  private func numeric(_ node: Node, _ label: String) -> Condition? {
    let form = "takes a list such as [\">\", 0, \"<=\", 5]"
    guard let list = node.list, !list.isEmpty, list.count.isMultiple(of: 2) else {
      refuse(node, label, form)
      return nil
    }
    var bounds: [NumericBound] = []
    for index in stride(from: 0, to: list.count, by: 2) {
      guard let sign = list[index].string,
        let comparison = NumericBound.Comparison(rawValue: sign)
      else {
        refuse(list[index], label, "\(form); comparisons are = != < <= > >=")
        return nil
      }
      guard
        let number = number(
          list[index + 1], label, in: -Double.infinity...Double.infinity)
      else { return nil }
      bounds.append(NumericBound(comparison, number))
    }
    return .numeric(bounds)
  }

  private func cidr(_ node: Node, _ label: String) -> Condition? {
    var blocks: [CIDRBlock] = []
    for each in oneOrMore(node) {
      guard let text = text(each, label) else { return nil }
      guard let block = CIDRBlock(text) else {
        refuse(each, label, "\"\(each.display)\" is no address block such as 10.0.0.0/8")
        return nil
      }
      blocks.append(block)
    }
    guard !blocks.isEmpty else {
      refuse(node, label, "an empty list never holds")
      return nil
    }
    return .cidr(blocks)
  }
}
