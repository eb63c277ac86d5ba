import Engine

/// Where the overlays of a project lie (config.md 11).
package enum WorkspaceFiles {
  /// The workspace that is there without being made.
  package static let usual = "default"

  package static let nameRule = "a workspace name is 1 to 128 letters, digits, . _ or -"

  /// The overlay of a workspace, absolute; nil when the project has none for it.
  package static func overlay(of name: String, root: String) -> String? {
    ["yaml", "yml"].map { "\(root)/workspaces/\(name).\($0)" }
      .first { FileAccess.presence($0) != .missing }
  }

  /// Where the overlay of a workspace is written that has none.
  package static func newOverlay(of name: String, root: String) -> String {
    "\(root)/workspaces/\(name).yaml"
  }

  /// The workspaces that a project has overlays for, in byte order; none where the directory cannot
  /// be read, which is an error wherever the project is loaded.
  package static func names(root: String) -> [String] {
    var names: [String] = []
    let files = (try? FileAccess.names(in: root + "/workspaces")) ?? []
    for file in files where FilePath.isYAML(file) {
      let name = String(file[..<(file.lastIndex(of: ".") ?? file.endIndex)])
      if NameRule.isID(name), names.last != name { names.append(name) }
    }
    return names
  }
}

extension WorkspaceFiles {
  /// What was probably meant by a name that there is not.
  package static func suggestion(for name: String, among names: [String]) -> String? {
    Suggestion.nearest(to: name, among: names)
  }
}
