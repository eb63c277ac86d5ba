import Engine

/// Replaces `${NAME}` and `{{ params.name }}` in string scalars, in one pass: what is put in is
/// never looked at again (config.md 3.1, 10.3).
struct Substitution {
  private let session: Session
  private let scope: VariableScope
  /// The values of the module's parameters; empty outside a module with parameters.
  private let parameters: [String: Node]

  init(_ session: Session, scope: VariableScope, parameters: [String: Node] = [:]) {
    self.session = session
    self.scope = scope
    self.parameters = parameters
  }

  private func report(
    _ code: String, _ message: String, _ origin: Origin, subject: String? = nil
  ) {
    session.reportSubstitution(code, message, at: origin, subject: subject)
  }

  /// The tree with every string scalar replaced; keys are never touched.
  func apply(_ node: Node) -> Node { changed(node) ?? node }

  /// Nil where nothing is replaced: that part of the tree, most of a large project, is shared and
  /// not copied.
  private func changed(_ node: Node) -> Node? {
    var node = node
    switch node.content {
    case .list(let list):
      guard let changed = changed(list, \.self) else { return nil }
      node.content = .list(changed)
    case .map(let pairs):
      guard let changed = changed(pairs, \.value) else { return nil }
      node.content = .map(changed)
    // Both kinds of placeholder have one, and looking for a byte is quick.
    case .string(let text) where text.utf8.contains(UInt8(ascii: "{")):
      let replaced = replaced(node, text)
      return replaced.isReplaced ? replaced : nil
    default: return nil
    }
    return node
  }

  private func changed<Element>(
    _ elements: [Element], _ node: WritableKeyPath<Element, Node>
  ) -> [Element]? {
    var result: [Element]?
    for (index, element) in elements.enumerated() {
      guard let changed = changed(element[keyPath: node]) else { continue }
      if result == nil { result = elements }
      result?[index][keyPath: node] = changed
    }
    return result
  }

  private func replaced(_ node: Node, _ text: String) -> Node {
    if let name = Substitution.soleParameter(text) {
      return parameter(name, for: node, written: text)
    }
    var run = Run(rest: Substring(text), written: text)
    while let next = run.rest.first {
      if run.rest.hasPrefix("$${") {
        run.append("${", taking: 3)
      } else if run.rest.hasPrefix("${") {
        variable(&run, at: node.origin)
      } else if run.rest.hasPrefix("\\{{") {
        run.append("\\{{", taking: 3)
      } else if run.rest.hasPrefix("{{"),
        let (name, length) = ParameterPlaceholder.leading(run.rest)
      {
        embed(name, length, &run, at: node.origin)
      } else {
        run.append(String(next), taking: 1)
      }
    }
    guard run.isChanged else { return node }
    if !session.takeExpanded(run.value.utf8.count, at: node.origin) {
      run.value = ""
      run.replacement.isUnresolved = true
    }
    var node = node
    node.content = .string(run.replacement.isUnresolved ? text : run.value)
    node.replacement = run.replacement
    return node
  }

  /// What a scalar has become so far.
  private struct Run {
    var rest: Substring
    var value = ""
    var isChanged = false
    var replacement: Node.Replacement

    init(rest: Substring, written: String) {
      self.rest = rest
      replacement = Node.Replacement(written: written, shown: "", values: [])
    }

    mutating func append(_ text: String, taking count: Int) {
      value += text
      replacement.shown += text
      if rest.prefix(count) != text { isChanged = true }
      rest = rest.dropFirst(count)
    }

    mutating func append(secret: String, name: String, taking count: Int) {
      value += secret
      replacement.shown += "***"
      replacement.values.append((name, secret))
      isChanged = true
      rest = rest.dropFirst(count)
    }

    mutating func fail(taking count: Int) {
      replacement.shown += rest.prefix(count)
      replacement.isUnresolved = true
      isChanged = true
      rest = rest.dropFirst(count)
    }
  }

  private func variable(_ run: inout Run, at origin: Origin) {
    guard let end = run.rest.firstIndex(of: "}") else {
      report("env.syntax", "\"${\" without \"}\"; write \"$${\" for a literal \"${\"", origin)
      return run.fail(taking: run.rest.count)
    }
    let body = run.rest[..<end].dropFirst(2)
    let count = run.rest.distance(from: run.rest.startIndex, to: end) + 1
    let name = String(body.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
    let tail = body.dropFirst(name.count)
    let isName = !name.isEmpty && !(name.first?.isNumber ?? true)
    guard isName, tail.isEmpty || tail.hasPrefix(":-") else {
      report(
        "env.syntax",
        "\"${\(body)}\" is no variable: write ${NAME} or ${NAME:-default}, or \"$${\" for a "
          + "literal \"${\"", origin)
      return run.fail(taking: count)
    }
    let value = scope.value(name)
    let fallback = tail.isEmpty ? nil : String(tail.dropFirst(2))
    guard !(fallback?.contains("${") ?? false) else {
      report("env.syntax", "the default of ${\(name):-…} cannot hold a variable", origin)
      return run.fail(taking: run.rest.count)
    }
    let isUnknown = scope.mayBeInDotEnv(name)
    let isFallback = fallback != nil && (value?.isEmpty ?? true) && !isUnknown
    session.noteUse(
      VariableUse(
        name: name, origin: origin, source: isFallback ? .defaultText : scope.source(name),
        defaultText: fallback))
    if let fallback, isFallback {
      // A default stands in the file for all to see: it is no secret but where a credential belongs.
      run.value += fallback
      run.replacement.defaults.append((name, fallback))
      run.replacement.shown += fallback
      run.isChanged = true
      run.rest = run.rest.dropFirst(count)
    } else if let value {
      session.noteValue(value)
      run.append(secret: value, name: name, taking: count)
    } else {
      if isUnknown {
        report(
          "env.unset", "variable \(name) is not set, and .env, which may set it, cannot be read",
          origin, subject: name)
      } else if !scope.isUnresolved(name) {
        report("env.unset", "variable \(name) is not set", origin, subject: name)
      }
      run.fail(taking: count)
    }
  }

  private func embed(_ name: String, _ length: Int, _ run: inout Run, at origin: Origin) {
    guard let value = parameters[name] else {
      reportUnknown(name, at: origin)
      return run.fail(taking: length)
    }
    run.value += value.scalarText ?? ""
    run.replacement.shown += value.replacement?.shown ?? value.scalarText ?? ""
    run.replacement.take(value)
    run.isChanged = true
    run.rest = run.rest.dropFirst(length)
  }

  private func parameter(_ name: String, for node: Node, written: String) -> Node {
    var result = node
    guard let value = parameters[name] else {
      reportUnknown(name, at: node.origin)
      result.replacement = Node.Replacement(
        written: written, shown: written, values: [], isFromParameter: true, isUnresolved: true)
      return result
    }
    result.content = value.content
    var replacement = Node.Replacement(written: written, shown: value.display, values: [])
    replacement.take(value)
    replacement.parameterOrigin = value.origin
    result.replacement = replacement
    return result
  }

  private func reportUnknown(_ name: String, at origin: Origin) {
    let known = session.nearest(to: name, among: parameters.keys.sorted())
    let meant = known.map { "; did you mean \"\($0)\"?" } ?? ""
    report("module.param", "no parameter \"\(name)\" is declared\(meant)", origin)
  }

  /// The name, when the whole scalar is one placeholder.
  private static func soleParameter(_ text: String) -> String? {
    guard let (name, length) = ParameterPlaceholder.leading(Substring(text)), length == text.count
    else { return nil }
    return name
  }

  /// Whether ``apply(_:)`` would look for a parameter in a text.
  static func namesParameter(_ text: String) -> Bool {
    ParameterPlaceholder.parts(of: text).contains {
      if case .parameter = $0 { true } else { false }
    }
  }
}

extension Node.Replacement {
  /// Takes over what brought a parameter's value in.
  fileprivate mutating func take(_ value: Node) {
    isFromParameter = true
    isUnresolved = isUnresolved || value.isUnresolved
    values += value.replacement?.values ?? []
    defaults += value.replacement?.defaults ?? []
    if value.isLiteral, let text = value.scalarText { literals.append((text, value.origin)) }
  }
}
