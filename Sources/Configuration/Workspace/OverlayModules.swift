import Engine

extension Session {
  /// The entries of a manifest with the overlay's over them, variables replaced.
  ///
  /// They are found again by the name that the module is known by, so the packages of entries
  /// without a name are looked into.
  func moduleNodes(of boot: ModuleDraft) -> [Node] {
    let substitution = Substitution(self, scope: boot.scope, parameters: boot.parameters)
    guard let overlay, boot.isBoot else { return boot.modules.map(substitution.apply) }
    overlay.nameModules { moduleName($0, substitution, root: boot.root) }
    var known: [String] = []
    let nodes = boot.modules.map { entry in
      guard let name = moduleName(entry, substitution, root: boot.root) else {
        return substitution.apply(entry)
      }
      known.append(name)
      return substitution.apply(overlay.patched(entry.asModule, named: name, in: "modules"))
    }
    let added = overlay.additions(to: "modules").map { entry in
      checkAddition(entry, to: "modules", among: known)
      return substitution.apply(entry)
    }
    return nodes + added
  }

  /// Nil for an entry of which the name cannot be told; why is reported when it is read.
  private func moduleName(
    _ entry: Node, _ substitution: Substitution, root: String
  ) -> String? {
    if let name = entry["name"] { return substitution.apply(name).string }
    let field = entry.isMap ? entry["package"] ?? entry["path"] : entry
    guard let field, let specifier = substitution.apply(field).string,
      let file = package(specifier, root: root),
      let document = document(file, namedAt: field.origin)
    else { return nil }
    return writtenName(document, self.scope(root: FilePath.directory(file)))?.string
      ?? ContentHash.moduleName(of: file)
  }
}

extension Node {
  /// An entry of a manifest as a map, whichever way it is written.
  fileprivate var asModule: Node {
    guard !isMap else { return self }
    return Node(.map([Pair(key: "package", keyOrigin: origin, value: self)]), at: origin)
  }

  /// The value as written, with `***` for every variable in it.
  var maskedJSON: JSONValue { Node.masked(writtenJSON) }

  private static func masked(_ value: JSONValue) -> JSONValue {
    switch value {
    case .string(let text): .string(masked(text))
    case .array(let list): .array(list.map(masked))
    case .object(let object):
      .object(
        JSONObject(
          object.members.map { JSONObject.Member(key: $0.key, value: masked($0.value)) }))
    default: value
    }
  }

  private static func masked(_ text: String) -> String {
    var shown = ""
    var rest = text[...]
    while let first = rest.first {
      if rest.hasPrefix("$${") {
        shown += "${"
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("${") {
        shown += "***"
        rest = rest.firstIndex(of: "}").map { rest[$0...].dropFirst() } ?? ""
      } else {
        shown.append(first)
        rest = rest.dropFirst()
      }
    }
    return shown
  }
}
