import Engine

/// The overlay of a workspace that is made anew.
package struct WorkspaceStub {
  /// 4800, where a runtime listens when nothing is said of it.
  private static let portUsual = RuntimeSettings().port

  private let root: String

  /// - Parameter root: The project's directory.
  package init(root: String) { self.root = root }

  /// Why a file that is to be read for it cannot be.
  package struct Refusal: Error {
    package let message: String
  }

  /// Has a port that no other workspace of the project has, so that they run side by side; the
  /// default one keeps its own.
  ///
  /// - Parameter other: Whose variables are taken, as they are written.
  package func text(name: String, variablesOf other: String?) throws(Refusal) -> String {
    var lines = [
      "# What is different in the workspace \(name): laid over the project's files, key by key,",
      "# objects by their id or name. orgloop workspace show \(name) shows what comes of it.",
      "kind: Workspace",
    ]
    let variables = try other.map(variables(of:)) ?? []
    lines.append(variables.isEmpty ? "variables: {}" : "variables:")
    lines += variables.map { "  \($0.key): \($0.text)" }
    // Where the default one listens is said by the project, and known to others.
    if name != WorkspaceFiles.usual {
      lines.append("runtime: { http: { port: \(try freePort()) } }")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func variables(of name: String) throws(Refusal) -> [(key: String, text: String)] {
    guard let path = WorkspaceFiles.overlay(of: name, root: root) else { return [] }
    var found: [(key: String, text: String)] = []
    for pair in try document(path)["variables"]?.pairs ?? [] {
      guard pair.value.scalarText != nil else { continue }
      // JSON's texts and numbers are YAML's too.
      found.append((pair.key, JSONText(pair.value.json).description))
    }
    return found
  }

  private func freePort() throws(Refusal) -> Int {
    var taken: Set<Int> = []
    let overlays = WorkspaceFiles.names(root: root)
      .compactMap { WorkspaceFiles.overlay(of: $0, root: root) }
    let projects = ["orgloop.yaml", "orgloop.yml"].map { root + "/" + $0 }
      .filter { FileAccess.kind($0) == .file }
    for path in overlays + projects.prefix(1) {
      if let port = port(try document(path)) { taken.insert(port) }
    }
    // A project with more overlays than there are ports has others to look after.
    return (WorkspaceStub.portUsual + 1...65_535).first { !taken.contains($0) } ?? 65_535
  }

  /// Nil where a variable says it, which may be anything.
  private func port(_ document: Node) -> Int? {
    guard case .number(let number)? = document["runtime"]?["http"]?["port"]?.content else {
      return nil
    }
    return number.int64.map(Int.init(truncatingIfNeeded:))
  }

  private func document(_ path: String) throws(Refusal) -> Node {
    let shown = FilePath.shown(path, root: root)
    let bytes: [UInt8]
    do {
      bytes = try FileAccess.read(path, bytesMax: YAMLDocument.bytesMax)
    } catch {
      throw Refusal(message: "\(shown): \(error.message)")
    }
    do {
      return try YAMLDocument.parse(bytes, file: shown)
    } catch {
      let fault = error.first
      throw Refusal(message: "\(shown):\(fault.line):\(fault.column): \(fault.message)")
    }
  }
}
