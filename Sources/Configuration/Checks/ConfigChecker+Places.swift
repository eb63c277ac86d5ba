import Engine

/// The types that reach out of the document: URLs, paths, programs, variables.
extension ConfigChecker {
  func url(_ node: Node, _ label: String) -> JSONValue? {
    let code = "connector.config"
    guard let text = session.text(node, label, code: code) else { return nil }
    for each in node.replacement?.values ?? [] { session.keepSecret(each.value) }
    guard let scheme = ["https://", "http://"].first(where: { text.lowercased().hasPrefix($0) })
    else {
      session.refuse(node, label, "must begin with http:// or https://", code: code)
      return nil
    }
    let authority = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
    guard !authority.contains("@") else {
      session.refuse(
        node, label, "must not hold a user or password; send an Authorization header", code: code)
      return nil
    }
    let host = authority.hasPrefix("[") ? authority : authority.prefix { $0 != ":" }
    let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    guard !host.isEmpty, isPlain else {
      session.refuse(node, label, "is no URL", code: code)
      return nil
    }
    return .string(text)
  }

  /// Absolute: beside the declaring file or below the root where it exists; a bare name is looked
  /// up on `PATH`; what does not exist yet is taken below the root.
  func path(_ node: Node, _ label: String) -> String? {
    guard let text = session.text(node, label, code: "connector.config") else { return nil }
    if let found = session.locate(text, near: node.origin, root: root) { return found }
    if !text.contains("/"), let found = program(text) { return found }
    return FilePath.resolve(text, in: root, home: session.home)
  }

  func command(_ node: Node, _ label: String) -> JSONValue? {
    let code = "connector.config"
    guard let list = node.list, let first = list.first else {
      session.refuse(node, label, "must be a list: a program and its arguments", code: code)
      return nil
    }
    var words: [JSONValue] = []
    for each in list {
      guard let text = session.text(each, label, code: code) else { return nil }
      words.append(.string(text))
    }
    guard let program = first.string, !program.isEmpty else {
      session.refuse(first, label, "the program must not be empty", code: code)
      return nil
    }
    guard let path = executable(program, first, label) else { return nil }
    words[0] = .string(path)
    return .array(words)
  }

  private func executable(_ program: String, _ node: Node, _ label: String) -> String? {
    let found = session.locate(program, near: node.origin, root: root)
    if let found, session.kind(of: found) == .file {
      return session.script(found, at: node.origin, label) ? found : nil
    }
    if !program.contains("/"), let path = self.program(program) { return path }
    session.error(
      "script.missing",
      "\(label): no program \"\(node.display)\" beside the file, "
        + "in the project root or on PATH", at: node.origin)
    return nil
  }

  private func program(_ name: String) -> String? {
    FileAccess.find(name, searchPath: session.environment["PATH"])
  }

  /// Names and values of the variables to pass. A name that is not set is left out with a warning.
  /// What a shell could name has neither blanks nor an equals sign; programs take other names too.
  private static func isVariable(_ name: String) -> Bool {
    !name.isEmpty && !name.contains { $0.isWhitespace || $0 == "=" || $0 == "\0" }
  }

  func environment(_ node: Node, _ label: String) -> [JSONObject.Member]? {
    switch node.content {
    case .list(let list):
      return list.compactMap { each in
        guard let name = session.text(each, label) else { return nil }
        guard ConfigChecker.isVariable(name) else {
          session.refuse(each, label, "\"\(each.display)\" cannot be the name of a variable")
          return nil
        }
        session.noteUse(
          VariableUse(
            name: name, origin: each.origin, source: scope.source(name), isOptional: true))
        guard let value = scope.value(name) else {
          session.report(
            .warning, "env.unset", "\(label): variable \(name) is not set and will not be passed",
            at: each.origin, subject: name)
          return nil
        }
        if Redaction.isCredential(variable: name) { session.keepSecret(value) }
        return JSONObject.Member(key: name, value: .string(value))
      }
    case .map(let pairs):
      return pairs.compactMap { pair in
        guard ConfigChecker.isVariable(pair.key) else {
          session.error(
            "key.type", "\(label): \"\(pair.key)\" cannot be the name of a variable",
            at: pair.keyOrigin)
          return nil
        }
        guard let text = pair.value.scalarText else {
          session.refuse(pair.value, "\(label).\(pair.key)", "must be text")
          return nil
        }
        if Redaction.isCredential(variable: pair.key) { session.keepSecret(in: pair.value) }
        return JSONObject.Member(key: pair.key, value: .string(text))
      }
    default:
      session.refuse(node, label, "must be a list of names or a map, not \(node.kind)")
      return nil
    }
  }
}

extension Session {
  /// Whether a file may be run: regular, executable, and not for others to change.
  func script(_ path: String, at origin: Origin, _ label: String) -> Bool {
    if archive?.hasCaptured(path) ?? false { return true }
    guard FileAccess.kind(path) == .file else {
      error("script.missing", "\(label): \(shown(path)) is not a regular file", at: origin)
      return false
    }
    guard FileAccess.isExecutable(path) else {
      error(
        "script.not-executable", "\(label): \(shown(path)) is not executable; run chmod +x",
        at: origin)
      return false
    }
    guard (FileAccess.mode(path) ?? 0) & 0o022 == 0 else {
      error(
        "script.not-executable",
        "\(label): \(shown(path)) can be changed by others; run chmod go-w", at: origin)
      return false
    }
    if let problem = FileAccess.beginningProblem(path) {
      error("script.not-executable", "\(label): \(shown(path)) \(problem)", at: origin)
      return false
    }
    return true
  }
}
