import Foundation

/// The Swift files of a folder of this package, as text.
struct SourceFile: CustomStringConvertible {
  let path: String
  let lines: [String]

  var description: String { path }

  /// - Parameter folder: Relative to the package, such as `Sources/Store`.
  static func all(in folder: String) throws -> [SourceFile] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let base = root.appending(path: folder)
    let names =
      FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
    return try names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
      let text = try String(contentsOf: base.appending(path: name), encoding: .utf8)
      return SourceFile(
        path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
    }
  }

  /// The modules that the file imports.
  var imports: [String] {
    lines.compactMap { line in
      let words = line.trimmingCharacters(in: .whitespaces).split(separator: " ").map(String.init)
      guard let index = words.firstIndex(of: "import"), index <= 1, index + 1 < words.count else {
        return nil
      }
      return ["import", "package", "internal", "public", "private"].contains(words[0])
        ? words[index + 1] : nil
    }
  }

  /// Lines that hold `pattern`, as `path:line: text`, comments and strings left out roughly.
  func occurrences(of pattern: String) -> [(number: Int, text: String)] {
    lines.enumerated().compactMap { index, line in
      let code = line.components(separatedBy: "//").first ?? line
      return code.contains(pattern) ? (index + 1, line) : nil
    }
  }

  /// Whether a comment stands on the line, or on one of the few above that belong to it.
  func hasReason(at number: Int) -> Bool {
    let first = max(number - 6, 0)
    return lines[first..<number].contains { $0.contains("//") }
  }
}
