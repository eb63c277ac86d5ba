import Engine

/// Documents from the history in the place of files: a file's name leads to its tree, and lists and
/// patterns are answered from the names that there are.
///
/// Scripts and prompts are what they were then, or what lies on the disk now; programs on `PATH` and
/// `.env` are always those of now.
struct ArchivedFiles {
  /// Trees by absolute path.
  private var documents: [String: Node] = [:]
  /// Where symbolic links led, by absolute path.
  private var links: [String: String] = [:]
  /// SHA-256 of scripts and prompts by absolute path.
  private(set) var captured: [String: String] = [:]
  /// The names that there are, by directory.
  private var names: [String: Set<String>] = [:]
  /// Contents by hash.
  let contents: [String: [UInt8]]
  /// Scripts and prompts are what they were then.
  let usesCaptured: Bool

  init(contents: [String: [UInt8]], usesCaptured: Bool) {
    self.contents = contents
    self.usesCaptured = usesCaptured
  }

  /// - Parameter documents: By shown name, literal credentials put back.
  mutating func add(
    _ documents: [JSONObject.Member], captured: [String: String], _ reading: ReadingRecord
  ) {
    func absolute(_ shown: String) -> String {
      shown.hasPrefix("/") ? shown : reading.projectRoot + "/" + shown
    }
    for member in documents {
      let origin = Origin(file: member.key, line: 1, column: 1)
      self.documents[absolute(member.key)] = Node(json: member.value, at: origin)
      note(absolute(member.key))
    }
    for (path, target) in reading.links {
      links[absolute(path)] = absolute(target)
      note(absolute(path))
    }
    for (path, hash) in captured { self.captured[absolute(path)] = hash }
  }

  private mutating func note(_ path: String) {
    names[FilePath.directory(path), default: []].insert(FilePath.name(path))
  }

  func document(_ path: String) -> Node? { documents[path] }

  /// What a path led to, as far as the history knows.
  func isFile(_ path: String) -> Bool {
    let target = resolved(path)
    return documents[target] != nil || hasCaptured(target)
  }

  func hasCaptured(_ path: String) -> Bool {
    usesCaptured && captured[resolved(path)] != nil
  }

  /// What it held then is kept, whether it counts or not.
  func hasContent(_ path: String) -> Bool {
    captured[resolved(path)].map { contents[$0] != nil } ?? false
  }

  func resolved(_ path: String) -> String { links[path] ?? path }

  func names(in directory: String) -> [String] {
    (names[directory] ?? []).filter { !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The documents whose paths match, in byte order. `*` stops at slashes.
  func glob(_ pattern: String) -> [String] {
    let wanted = pattern.split(separator: "/")
      .map { (name: $0, pattern: FileAccess.isGlob(String($0)) ? GlobPattern($0) : nil) }
    let paths = names.flatMap { directory, names in
      names.map { directory == "/" ? "/" + $0 : directory + "/" + $0 }
    }
    let found = paths.filter { path in
      let parts = path.split(separator: "/").map(String.init)
      return parts.count == wanted.count
        && zip(wanted, parts).allSatisfy { wanted, part in
          wanted.pattern.map { !part.hasPrefix(".") && $0.matches(part) } ?? (wanted.name == part)
        }
    }
    return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension Node {
  /// A tree from what the history keeps.
  init(json value: JSONValue, at origin: Origin) {
    switch value {
    case .null: self.init(.null, at: origin)
    case .bool(let flag): self.init(.bool(flag), at: origin)
    case .number(let number): self.init(.number(number), at: origin)
    case .string(let text): self.init(.string(text), at: origin)
    case .array(let list): self.init(.list(list.map { Node(json: $0, at: origin) }), at: origin)
    case .object(let object):
      self.init(
        .map(
          object.members.map { member in
            Pair(key: member.key, keyOrigin: origin, value: Node(json: member.value, at: origin))
          }), at: origin)
    }
  }
}
