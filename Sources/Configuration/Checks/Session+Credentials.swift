import Engine

/// What a configuration says of credentials: none must be empty, none should be written literally,
/// and nothing may show one (config.md 3).
extension Session {
  /// Looks after every credential in a tree.
  ///
  /// - Parameter isData: It is handed on to whoever gives it a meaning, to whom null may be one.
  func checkCredentials(
    _ node: Node, fields: [ConfigField] = [], label: String, isData: Bool = false
  ) {
    let secretFields = Set(fields.filter(\.isSecret).map(\.name))
    for pair in node.pairs {
      let place = label.isEmpty ? pair.key : "\(label).\(pair.key)"
      if secretFields.contains(pair.key) || Redaction.isCredential(key: pair.key) {
        pair.value.forEachScalar { _, scalar in
          if !(isData && scalar.isNull) { checkCredential(scalar, place) }
        }
      } else if pair.key == "headers" {
        pair.value.forEachScalar { _, scalar in
          for each in scalar.replacement?.values ?? [] { keepSecret(each.value) }
        }
        checkCredentials(pair.value, label: place)
      } else {
        pair.value.forEachScalar { _, scalar in keepNamedSecrets(scalar) }
        let isPayload = ["payload", "body_template"].contains(pair.key)
        checkCredentials(pair.value, label: place, isData: isData || isPayload)
      }
    }
    for each in node.list ?? [] { checkCredentials(each, label: label, isData: isData) }
  }

  private func keepNamedSecrets(_ scalar: Node) {
    for each in scalar.replacement?.values ?? []
    where Redaction.isCredential(variable: each.name) {
      keepSecret(each.value)
    }
  }

  /// Remembers what variables bring into a value that the database keeps in clear.
  ///
  /// - Parameter place: What of the database holds it.
  func noteStored(_ node: Node, _ label: String, _ place: String) {
    node.forEachScalar { _, scalar in
      for each in scalar.replacement?.values ?? [] {
        stored.append(
          StoredValue(
            name: each.name, value: each.value, label: label, place: place, origin: scalar.origin,
            module: currentModule))
      }
    }
  }

  /// Warns of credentials among what ``noteStored(_:_:_:)`` was given: which variables are some shows
  /// only when everything has been read.
  func checkStored() {
    for each in stored
    where secrets.contains(each.value) || Redaction.isCredential(variable: each.name) {
      currentModule = each.module
      report(
        .warning, "env.stored-secret",
        "\(each.label): the value of \(each.name) is kept in the database in clear, in "
          + each.place, at: each.origin, subject: each.name)
    }
    currentModule = nil
  }

  /// Remembers what variables brought into a credential; what is written literally as a whole.
  func keepSecret(in node: Node) {
    for each in node.replacement?.values ?? [] { keepSecret(each.value) }
    for each in node.replacement?.defaults ?? [] { keepSecret(each.text) }
    for each in node.replacement?.literals ?? [] { keepSecret(literal: each.text) }
    guard node.isLiteral, let text = node.scalarText else { return }
    keepSecret(literal: text)
    // With "$${" in it, the text in the file is another one than its value.
    if let written = node.replacement?.written { keepSecret(literal: written) }
  }

  /// `Bearer abc` is a secret, and `abc` alone is it too.
  private func keepSecret(literal text: String) {
    keepSecret(text)
    if let scheme = AuthorizationText.scheme(of: text) {
      keepSecret(String(text.dropFirst(scheme.count)))
    }
  }

  private func checkCredential(_ node: Node, _ label: String) {
    if node.isReplaced { noteCredential(at: node.origin) }
    guard !node.isUnresolved, !refuseEmpty(node, label) else { return }
    guard let text = node.scalarText, !AuthorizationText.isPlaceholder(text) else { return }
    keepSecret(in: node)
    for each in node.replacement?.defaults ?? [] {
      report(
        .notice, "env.literal-secret",
        "\(label): variable \(each.name) is not set, so the credential is the default written in "
          + "the file", at: node.origin, subject: each.name)
    }
    let literals = node.isLiteral ? [node.origin] : node.replacement?.literals.map(\.origin) ?? []
    for origin in literals {
      report(
        .warning, "env.literal-secret",
        "\(label): a credential is written in the file; put it in a variable", at: origin)
    }
  }

  /// Whether a credential, or what a variable brings into it, is empty: nobody must be let in
  /// because a variable was forgotten.
  private func refuseEmpty(_ node: Node, _ label: String) -> Bool {
    let replacement = node.replacement
    if let empty = replacement?.values.first(where: \.value.isEmpty) {
      report(
        .error, "env.unset", "\(label): variable \(empty.name) is empty; a credential must not be",
        at: node.origin, subject: empty.name)
    } else if let empty = replacement?.defaults.first(where: \.text.isEmpty) {
      report(
        .error, "env.unset",
        "\(label): variable \(empty.name) is not set, and its default is empty; a credential must "
          + "not be", at: node.origin, subject: empty.name)
    } else if node.isNull, let replacement {
      error(
        "connector.config",
        "\(label): \(replacement.written) has no value; a credential must not be empty",
        at: node.origin)
    } else if node.isNull {
      error(
        "connector.config",
        "\(label): a credential must not be left blank; write a variable, or remove the key",
        at: node.origin)
    } else if node.scalarText?.isEmpty ?? false {
      error("connector.config", "\(label): a credential must not be empty", at: node.origin)
    } else {
      return false
    }
    return true
  }
}

/// What a variable brings into a place that the database keeps.
struct StoredValue {
  let name: String
  let value: String
  let label: String
  /// What of the database holds it.
  let place: String
  let origin: Origin
  let module: String?
}

/// What an Authorization header, or a field like it, is made of.
private enum AuthorizationText {
  /// `Bearer ` and the like, with the blank.
  static func scheme(of text: String) -> Substring? {
    guard let blank = text.firstIndex(of: " ") else { return nil }
    let isScheme = ["basic", "bearer", "token"].contains(text[..<blank].lowercased())
    return isScheme ? text[...blank] : nil
  }

  /// Nothing but what an event brings in, `Bearer {{ payload.token }}`: there is no credential in
  /// the file.
  static func isPlaceholder(_ text: String) -> Bool {
    var rest = text.dropFirst(scheme(of: text)?.count ?? 0)
    guard rest.hasPrefix("{{") else { return false }
    while rest.hasPrefix("{{"), let end = rest.firstRange(of: "}}") {
      rest = rest[end.upperBound...]
    }
    return rest.isEmpty
  }
}
