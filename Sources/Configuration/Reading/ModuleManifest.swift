import Engine

/// One entry of `modules:` in a boot manifest (config.md 10.1), or the module that `module load`
/// names.
struct ModuleEntry {
  /// Absolute and resolved path of the module's file.
  var file: String
  var name: String?
  /// Where the name stands that the manifest gives.
  var nameOrigin: Origin?
  var parameters: [String: Node]
  var origin: Origin
}

extension Session {
  /// Reads the entries of a manifest and finds their packages; disabled ones are left out.
  func moduleEntries(_ nodes: [Node], root: String) -> [ModuleEntry] {
    nodes.compactMap { node in
      let entry = node.isMap ? MapReader(self, node, Tables.moduleEntry, "modules") : nil
      let key =
        entry.map { $0["package"] == nil && $0["path"] != nil } ?? false ? "path" : "package"
      let field = node.isMap ? required(node, key, of: "modules") : node
      let specifier = text(field, "modules.\(key)")
      if key == "package", let other = entry?["path"], !other.isNull {
        error(
          "key.unknown-value", "modules: write \"package\" or \"path\", not both", at: other.origin)
      }
      let name = entry?.text("name")
      let isEnabled = entry?.flag("enabled") ?? true
      let parameters = entry?.map("params")?.pairs ?? []
      guard let field, let specifier, isEnabled else { return nil }
      guard let file = package(specifier, root: root) else {
        reportMissing(specifier, field, root: root)
        if let name { markInvalid(name) }
        return nil
      }
      return ModuleEntry(
        file: file, name: name, nameOrigin: entry?["name"]?.origin,
        parameters: Dictionary(parameters.map { ($0.key, $0.value) }) { first, _ in first },
        origin: field.origin)
    }
  }

  private func reportMissing(_ specifier: String, _ field: Node, root: String) {
    let isPath = Session.isPath(specifier)
    let beside = FilePath.resolve(specifier, in: root, home: home)
    let isPlainPath = !isPath && moduleFile(beside) != nil
    let why =
      isPlainPath
      ? "; write \"./\(specifier)\" for the directory"
      // What a variable has brought in is not shown in other words.
      : field.display == specifier ? missing(specifier, root: root) : ""
    let places =
      isPath
      ? [FilePath.directory(beside)]
      : [root + "/modules", root + "/node_modules", home + "/.orgloop/modules"]
    let prefix = isPath ? String(specifier.dropLast(FilePath.name(specifier).count)) : ""
    // Only for a hint: without names there is none.
    let names = places.flatMap { (try? FileAccess.names(in: $0)) ?? [] }.map { prefix + $0 }
    report(
      .error, "module.not-found", "no module \"\(field.display)\"\(why)", at: field.origin,
      among: names, meant: isPlainPath ? nil : specifier)
  }

  /// What there is at the places of a module instead of one.
  private func missing(_ specifier: String, root: String) -> String {
    let places = places(of: specifier, root: root)
    if let empty = places.first(where: { FileAccess.kind($0) == .directory }) {
      return ": the directory \(shown(empty)) has no "
        + Session.moduleFiles.joined(separator: ", no ")
    }
    return Session.isPath(specifier)
      ? ": there is no file or directory there"
      : "; tried " + places.map(shown).joined(separator: ", ")
  }

  /// The file of a package: a path, or a name looked up in the order of config.md 10.2.
  func package(_ specifier: String, root: String) -> String? {
    places(of: specifier, root: root).lazy.compactMap(moduleFile).first
  }

  private static func isPath(_ specifier: String) -> Bool {
    specifier == "." || specifier == ".."
      || ["./", "../", "/", "~/"].contains { specifier.hasPrefix($0) }
  }

  /// Where a module may be, the first first.
  private func places(of specifier: String, root: String) -> [String] {
    guard !Session.isPath(specifier) else {
      return [FilePath.resolve(specifier, in: root, home: home)]
    }
    let last = FilePath.name(specifier)
    var names = specifier == last ? [last] : [specifier, last]
    if last.hasPrefix("module-") { names.append(String(last.dropFirst(7))) }
    return names.map { root + "/modules/" + $0 } + [root + "/node_modules/" + specifier]
      + names.map { home + "/.orgloop/modules/" + $0 }
  }

  private static let moduleFiles = ["orgloop-module.yaml", "orgloop.yaml", "orgloop.yml"]

  /// The configuration file a path means, resolved: itself, or the one in the directory.
  private func moduleFile(_ path: String) -> String? {
    switch FileAccess.kind(path) {
    case .file?: return FileAccess.resolved(path)
    case .directory?:
      return Session.moduleFiles.map { path + "/" + $0 }
        .first(where: FileAccess.mayBeFile)
        // What cannot be resolved cannot be read either, which is said where it is read.
        .map { FileAccess.resolved($0) ?? $0 }
    default: return nil
    }
  }

  /// The values of a module's parameters: what the manifest gives, else the defaults.
  ///
  /// - Parameters:
  ///   - declared: The module's `params:`, variables replaced.
  ///   - given: The values, at whose lines errors are reported.
  ///   - origin: Of the manifest entry.
  ///   - areStored: The given values are kept in the database as they are written.
  func parameters(
    _ declared: Node?, given: [String: Node], origin: Origin, areStored: Bool
  ) -> [String: Node] {
    var values: [String: Node] = [:]
    let declarations = map(declared, "params")?.pairs ?? []
    let names = declarations.map(\.key)
    for (name, node) in given.sorted(by: { $0.key < $1.key }) where !names.contains(name) {
      report(
        .error, "module.param", "the module has no parameter \"\(name)\"", at: node.origin,
        among: names, meant: name)
    }
    for pair in declarations {
      let label = "params.\(pair.key)"
      let written = pair.value.isNull ? Node(.map([]), at: pair.value.origin) : pair.value
      guard let node = map(written, label) else {
        values[pair.key] = unresolved(pair)
        continue
      }
      let declaration = MapReader(self, node, Tables.parameter, label)
      let type = declaration.choice("type") ?? "string"
      let isRequired = declaration.flag("required") ?? false
      _ = declaration.text("description")
      let choices = declaration.list("enum")
      if areStored, type == "string", let value = given[pair.key], !mayStore(value, pair.key) {
        values[pair.key] = unresolved(pair)
      } else if let value = given[pair.key] ?? declaration["default"] {
        values[pair.key] = parameter(value, pair.key, type: type, choices)
      } else if isRequired {
        error("module.param", "parameter \"\(pair.key)\" is required", at: origin)
      } else {
        // Declared and without a value: null alone, nothing within a text.
        values[pair.key] = Node(.null, at: pair.keyOrigin)
      }
      if values[pair.key] == nil { values[pair.key] = unresolved(pair) }
    }
    return values
  }

  /// A credential among parameters that are stored must stand in a variable: what is stored is
  /// the variable's name.
  private func mayStore(_ node: Node, _ name: String) -> Bool {
    guard Redaction.isCredential(key: name) || Redaction.isCredential(variable: name),
      !node.isUnresolved, let replacement = node.replacement
    else { return true }
    keepSecret(in: node)
    // What stands after ":-" would be stored with the variable's name.
    guard replacement.values.isEmpty || replacement.written.contains(":-") else { return true }
    error(
      "module.param",
      "parameter \"\(name)\": a credential must not be given literally, because parameters are "
        + "kept in the database; pass the name of a variable, --param '\(name)=${VAR}'",
      at: node.origin)
    return false
  }

  /// Stands for a parameter that was reported, so that its uses are no further errors.
  private func unresolved(_ pair: Node.Pair) -> Node {
    var node = Node(.string(""), at: pair.keyOrigin)
    node.replacement = Node.Replacement(written: "", shown: "", values: [], isUnresolved: true)
    return node
  }

  private func parameter(_ node: Node, _ name: String, type: String, _ choices: [Node]?) -> Node? {
    guard !node.isUnresolved else { return node }
    var value = node
    let code = "module.param"
    switch type {
    case "number":
      let all = -Double.infinity...Double.infinity
      guard let number = number(node, "parameter \"\(name)\"", in: all, code: code) else {
        return nil
      }
      value.content = .number(number)
    case "boolean":
      guard let flag = flag(node, "parameter \"\(name)\"", code: code) else { return nil }
      value.content = .bool(flag)
    default:
      guard text(node, "parameter \"\(name)\"", code: code) != nil else { return nil }
    }
    if let choices, !choices.contains(where: { $0.json == value.json }) {
      let words =
        choices.isEmpty
        ? "not allowed: its enum is empty"
        : "none of " + choices.map(\.display).joined(separator: ", ")
      error(code, "parameter \"\(name)\": \"\(node.display)\" is \(words)", at: node.origin)
      return nil
    }
    return value
  }
}
