import Testing

/// The rules of design.md 3 and style.md that a reader should not have to check by eye.
@Suite struct TidyTests {
  /// What each target may import of ours (design.md 3).
  static let imports: [(target: String, allowed: Set<String>)] = [
    ("Invariants", []),
    ("Store", ["CSQLite", "CPlatform", "Invariants", "Migrations"]),
    ("Engine", ["Invariants", "Store", "CPCRE2"]),
    ("Configuration", ["Engine"]),
    ("Connectors", ["Engine", "CPlatform"]),
    ("Server", ["Engine"]),
    ("CLI", ["Engine", "ProjectConfiguration", "Connectors", "Server", "CPlatform"]),
  ]

  static let ours: Set<String> = [
    "CSQLite", "CPCRE2", "CPlatform", "Invariants", "Migrations", "Store", "Engine",
    "ProjectConfiguration", "Connectors", "Server", "CLI",
  ]

  @Test(arguments: imports)
  func `a target imports only what may be below it`(
    _ target: String, _ allowed: Set<String>
  ) throws {
    for file in try SourceFile.all(in: "Sources/\(target)") {
      let wrong = Set(file.imports).intersection(Self.ours).subtracting(allowed)
      #expect(wrong.isEmpty, "\(file)")
    }
  }

  @Test(arguments: ["Store", "Engine"])
  func `store and engine do without the whole of Foundation`(_ target: String) throws {
    for file in try SourceFile.all(in: "Sources/\(target)") {
      #expect(!file.imports.contains("Foundation"), "\(file)")
    }
  }

  @Test func `files can be read in one sitting`() throws {
    for folder in ["Sources", "Tests", "bench"] {
      for file in try SourceFile.all(in: folder) {
        #expect(file.lines.count <= 401, "\(file)")
      }
    }
  }

  @Test func `functions can be read in one look`() throws {
    for file in try SourceFile.all(in: "Sources") {
      for function in file.functions where function.length > 60 {
        Issue.record("\(file):\(function.line): \(function.length) lines")
      }
    }
  }

  @Test(arguments: ["try!", "as!", "fatalError(", "TODO", "FIXME"])
  func `nothing in the sources can be made to trap by a user, or is left for later`(
    _ pattern: String
  ) throws {
    for file in try SourceFile.all(in: "Sources") {
      for (number, text) in file.occurrences(of: pattern) {
        Issue.record("\(file):\(number): \(text)")
      }
    }
  }

  @Test(arguments: [
    "@unchecked Sendable", "nonisolated(unsafe)", " Task {", "Task.detached", "try? ",
  ])
  func `what the compiler cannot check has its reason beside it`(_ pattern: String) throws {
    for file in try SourceFile.all(in: "Sources") {
      for (number, text) in file.occurrences(of: pattern) where !file.hasReason(at: number) {
        Issue.record("\(file):\(number): \(text)")
      }
    }
  }

  @Test(arguments: ["Task.sleep", "usleep(", "Thread.sleep"])
  func `no test waits by the clock without a reason beside it`(_ pattern: String) throws {
    for file in try SourceFile.all(in: "Tests") where !file.path.contains("TidyTests") {
      for (number, text) in file.occurrences(of: pattern) where !file.hasReason(at: number) {
        Issue.record("\(file):\(number): \(text)")
      }
    }
  }
}

extension SourceFile {
  /// Functions with the number of their lines, found by indentation, which the formatter keeps.
  var functions: [(line: Int, length: Int)] {
    var found: [(line: Int, length: Int)] = []
    for (index, line) in lines.enumerated() {
      let code = line.drop { $0 == " " }
      guard code.contains("func ") || code.hasPrefix("init(") || code.contains(" init(") else {
        continue
      }
      guard !code.hasPrefix("//"), !code.hasSuffix("}") else { continue }
      let indent = line.prefix { $0 == " " }
      let rest = lines[(index + 1)...]
      guard
        let end = rest.firstIndex(where: { $0 == indent + "}" }),
        !rest[..<end].contains(where: {
          $0.hasPrefix(indent) && $0.dropFirst(indent.count).hasPrefix("func ")
        })
      else { continue }
      found.append((index + 1, end - index + 1))
    }
    return found
  }
}
