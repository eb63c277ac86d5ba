/// Paths as text: joined and made plain without asking the file system (config.md 4).
package enum FilePath {
  /// An absolute path from one that is absolute, begins with `~/`, or is relative to `directory`.
  static func resolve(_ path: String, in directory: String, home: String) -> String {
    if path == "~" { return plain(home) }
    if path.hasPrefix("~/") { return plain(home + "/" + path.dropFirst(2)) }
    return plain(path.hasPrefix("/") ? path : directory + "/" + path)
  }

  /// Whether the path leaves nothing to look for: absolute or below the home directory.
  static func isAnchored(_ path: String) -> Bool {
    path.hasPrefix("/") || path.hasPrefix("~/")
  }

  /// Without `.`, `..` and doubled slashes.
  static func plain(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// What a file lies in; `/` for what lies there.
  package static func directory(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// Relative to `root` where it lies below it, else as it is.
  static func shown(_ path: String, root: String) -> String {
    path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path
  }

  static func isYAML(_ name: String) -> Bool {
    name.hasSuffix(".yaml") || name.hasSuffix(".yml")
  }
}
