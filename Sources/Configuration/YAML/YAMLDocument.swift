import Engine

/// Reads one YAML file into a located tree (config.md 1.2).
///
/// Everything is bounded before it is built: bytes, nesting, and nodes counted while aliases are
/// expanded, so that a "bomb" of 400 bytes is refused after 100,000 steps.
struct YAMLDocument: ~Copyable {
  /// 1 MiB: a file.
  static let bytesMax = 1 << 20
  /// 32 levels: nesting.
  static let depthMax = 32
  /// 100,000 nodes after the expansion of aliases.
  static let nodesMax = 100_000

  private struct Anchored {
    let node: Node
    let nodeCount: Int
    let height: Int
    /// Of all texts in it.
    let textBytes: Int
  }

  private let events: YAMLEvents
  private let file: String
  private var nodeCount = 0
  private var textBytes = 0
  /// How deep the subtree that was built last is; a scalar is 1.
  private var anchors: [String: Anchored] = [:]
  private var openAnchors: Set<String> = []
  /// What is wrong with single values: the rest is read all the same, so that all of it can be
  /// told at once.
  private var faults: YAMLFaults?

  /// The root of a file; null for a file without content.
  ///
  /// - Parameters:
  ///   - bytes: The file; a byte-order mark and CRLF are tolerated.
  ///   - file: The name for the origins.
  static func parse(_ bytes: [UInt8], file: String) throws(YAMLFaults) -> Node {
    var bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    var document: YAMLDocument
    do {
      try check(bytes)
      document = YAMLDocument(events: try YAMLEvents(bytes), file: file)
    } catch {
      throw YAMLFaults(error)
    }
    let root = document.root()
    if let faults = document.faults { throw faults }
    return root
  }

  /// Null where it cannot be read; ``faults`` says why.
  private mutating func root() -> Node {
    do {
      return try read()
    } catch {
      return refused(error, at: Origin(file: file, line: 1, column: 1))
    }
  }

  /// Keeps a fault; what it was found in counts as null.
  private mutating func refused(_ fault: YAMLFault, at origin: Origin) -> Node {
    if faults == nil { faults = YAMLFaults(fault) } else { faults?.add(fault) }
    return Node(.null, at: origin)
  }

  private init(events: consuming YAMLEvents, file: String) {
    self.events = events
    self.file = file
  }

  private static func check(_ bytes: [UInt8]) throws(YAMLFault) {
    guard bytes.count <= bytesMax else {
      throw YAMLFault(message: "the file is larger than 1 MiB", line: 1, column: 1)
    }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw YAMLFault(message: "the file is UTF-16; save it as UTF-8", line: 1, column: 1)
    }
    if let offset = bytes.firstIndex(where: { $0 < 0x20 && ![0x09, 0x0A, 0x0D].contains($0) }) {
      throw fault("a control character: this is not a text file", bytes, offset)
    }
    guard String(validating: bytes, as: UTF8.self) == nil,
      let offset = UTF8Text.faultOffset(bytes)
    else { return }
    throw fault("the file is not UTF-8", bytes, offset)
  }

  private static func fault(_ message: String, _ bytes: [UInt8], _ offset: Int) -> YAMLFault {
    var (line, column) = (1, 1)
    var previous: Unicode.Scalar?
    // The breaks that the parser counts.
    for scalar in String(decoding: bytes[..<offset], as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\n" where previous == "\r": break
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": (line, column) = (line + 1, 1)
      default: column += 1
      }
      previous = scalar
    }
    return YAMLFault(message: message, line: line, column: column)
  }

  private mutating func read() throws(YAMLFault) -> Node {
    var root: Node?
    while true {
      let event = try events.next()
      switch event.kind {
      case .streamEnd:
        return root ?? Node(.null, at: Origin(file: file, line: 1, column: 1))
      case .streamStart, .documentEnd: continue
      case .documentStart:
        guard root == nil else {
          throw event.fault("a second document: one file holds one document")
        }
      default:
        root = try build(event, depth: 1).node
      }
    }
  }

  private mutating func build(
    _ event: YAMLEvent, depth: Int
  ) throws(YAMLFault) -> (node: Node, height: Int) {
    try count(1, at: event)
    guard depth <= YAMLDocument.depthMax else {
      throw event.fault("nested deeper than \(YAMLDocument.depthMax) levels")
    }
    if case .alias(let name) = event.kind { return try expand(name, event, depth: depth) }
    let (before, textBefore) = (nodeCount, textBytes)
    if let anchor = event.anchor { openAnchors.insert(anchor) }
    let built: (node: Node, height: Int)
    switch event.kind {
    case .scalar(let text, let isPlain):
      try countText(text.utf8.count, at: event)
      do {
        built = (try scalar(text, isPlain, event), 1)
      } catch {
        built = (refused(error, at: origin(event)), 1)
      }
    case .listStart: built = try list(event, depth: depth)
    case .mapStart: built = try map(event, depth: depth)
    default: throw event.fault("unexpected end")
    }
    if let anchor = event.anchor {
      openAnchors.remove(anchor)
      anchors[anchor] = Anchored(
        node: built.node, nodeCount: nodeCount - before + 1, height: built.height,
        textBytes: textBytes - textBefore)
    }
    return built
  }

  private mutating func count(_ nodes: Int, at event: YAMLEvent) throws(YAMLFault) {
    nodeCount += nodes
    guard nodeCount <= YAMLDocument.nodesMax else {
      throw event.fault("more than \(YAMLDocument.nodesMax) values, aliases expanded")
    }
  }

  /// Without this, a thousand aliases of one long text would be a thousand long texts.
  private mutating func countText(_ bytes: Int, at event: YAMLEvent) throws(YAMLFault) {
    textBytes += bytes
    guard textBytes <= LoadLimits.expandedBytesMax else {
      throw event.fault(
        "larger than \(LoadLimits.expandedBytesMax >> 20) MiB, aliases expanded")
    }
  }

  private mutating func expand(
    _ name: String, _ event: YAMLEvent, depth: Int
  ) throws(YAMLFault) -> (node: Node, height: Int) {
    guard !openAnchors.contains(name) else {
      throw event.fault("alias \"\(name)\" stands inside the value that it names")
    }
    guard let anchored = anchors[name] else {
      let fault = event.fault("alias \"\(name)\" has no anchor before it")
      return (refused(fault, at: origin(event)), 1)
    }
    try count(anchored.nodeCount - 1, at: event)
    try countText(anchored.textBytes, at: event)
    guard depth + anchored.height - 1 <= YAMLDocument.depthMax else {
      throw event.fault("nested deeper than \(YAMLDocument.depthMax) levels")
    }
    return (anchored.node, anchored.height)
  }

  private func origin(_ event: YAMLEvent) -> Origin {
    Origin(file: file, line: event.line, column: event.column)
  }

  private func scalar(
    _ text: String, _ isPlain: Bool, _ event: YAMLEvent
  ) throws(YAMLFault) -> Node {
    // A path with a NUL in it would be another path to the system than to us.
    guard !text.utf8.contains(0) else { throw event.fault("a NUL character in a text") }
    let origin = origin(event)
    let core = "tag:yaml.org,2002:"
    guard let tag = event.tag else {
      guard isPlain else { return Node(.string(text), at: origin) }
      return Node(try resolve(text, event), at: origin)
    }
    if tag == "!" || tag == core + "str" { return Node(.string(text), at: origin) }
    let content = try resolve(text, event)
    switch (tag, content) {
    case (core + "null", .null), (core + "bool", .bool), (core + "float", .number):
      return Node(content, at: origin)
    case (core + "int", .number(let number)) where number.int64 != nil:
      return Node(content, at: origin)
    case (core + "null", _), (core + "bool", _), (core + "float", _), (core + "int", _):
      throw event.fault("\"\(text)\" does not fit its tag \(YAMLDocument.short(tag))")
    default:
      throw event.fault("unknown tag \(YAMLDocument.short(tag))")
    }
  }

  private func resolve(_ text: String, _ event: YAMLEvent) throws(YAMLFault) -> Node.Content {
    do {
      return try CoreSchema.resolve(text)
    } catch {
      throw event.fault(error.message)
    }
  }

  private static func short(_ tag: String) -> String {
    tag.replacing("tag:yaml.org,2002:", with: "!!", maxReplacements: 1)
  }

  private mutating func list(
    _ start: YAMLEvent, depth: Int
  ) throws(YAMLFault) -> (node: Node, height: Int) {
    checkTag(start, "seq")
    var elements: [Node] = []
    var height = 0
    while true {
      let event = try events.next()
      if case .listEnd = event.kind { break }
      let built = try build(event, depth: depth + 1)
      elements.append(built.node)
      height = max(height, built.height)
    }
    return (Node(.list(elements), at: origin(start)), height + 1)
  }

  private mutating func checkTag(_ event: YAMLEvent, _ name: String) {
    guard let tag = event.tag, tag != "!", tag != "tag:yaml.org,2002:\(name)" else { return }
    let known = ["seq", "map"].contains { tag == "tag:yaml.org,2002:\($0)" }
    let kind = name == "seq" ? "list" : "map"
    let message =
      known
      ? "a \(kind) does not fit its tag \(YAMLDocument.short(tag))"
      : "unknown tag \(YAMLDocument.short(tag))"
    _ = refused(event.fault(message), at: origin(event))
  }

  private mutating func map(
    _ start: YAMLEvent, depth: Int
  ) throws(YAMLFault) -> (node: Node, height: Int) {
    checkTag(start, "map")
    var builder = YAMLMapBuilder()
    var height = 0
    while true {
      let event = try events.next()
      if case .mapEnd = event.kind { break }
      let isMerge = if case .scalar("<<", true) = event.kind { event.tag == nil } else { false }
      let key = try isMerge ? Node(.string("<<"), at: origin(event)) : self.key(event)
      let value = try build(try events.next(), depth: depth + 1)
      height = max(height, value.height)
      do {
        if isMerge {
          try builder.merge(value.node, at: event)
        } else {
          try builder.add(key, value.node, at: event)
        }
      } catch {
        _ = refused(error, at: key.origin)
      }
    }
    return (Node(.map(builder.pairs), at: origin(start)), height + 1)
  }

  /// A key is the text of a scalar, whatever type it would have as a value: `5: x` is the key `5`.
  private mutating func key(_ event: YAMLEvent) throws(YAMLFault) -> Node {
    try count(1, at: event)
    switch event.kind {
    case .scalar(let text, _):
      let node = Node(.string(text), at: origin(event))
      if let anchor = event.anchor {
        anchors[anchor] = Anchored(
          node: node, nodeCount: 1, height: 1, textBytes: text.utf8.count)
      }
      if event.tag != nil {
        do { _ = try scalar(text, true, event) } catch { _ = refused(error, at: node.origin) }
      }
      return node
    case .alias(let name):
      guard let text = anchors[name]?.node.scalarText else {
        throw event.fault("alias \"\(name)\" is not text that could be a key")
      }
      try countText(text.utf8.count, at: event)
      return Node(.string(text), at: origin(event))
    default:
      throw event.fault("a key must be text, not a list or a map")
    }
  }
}

/// Collects the members of a map: duplicates are refused, `<<` lies below what is written out.
struct YAMLMapBuilder {
  private(set) var pairs: [Node.Pair] = []
  private var places: [String: Int] = [:]
  private var merged: Set<String> = []
  /// Where `<<` stood.
  private var mergedAt: (line: Int, column: Int)?

  init() {}

  mutating func add(_ key: Node, _ value: Node, at event: YAMLEvent) throws(YAMLFault) {
    let text = key.string ?? ""
    let pair = Node.Pair(key: text, keyOrigin: key.origin, value: value)
    guard let place = places[text] else {
      places[text] = pairs.count
      pairs.append(pair)
      return
    }
    guard merged.remove(text) != nil else {
      let first = pairs[place].keyOrigin
      throw event.fault(
        "key \"\(text)\" is already at \(first.line):\(first.column)", code: "yaml.duplicate-key")
    }
    pairs[place] = pair
  }

  mutating func merge(_ value: Node, at event: YAMLEvent) throws(YAMLFault) {
    if let mergedAt {
      throw event.fault(
        "key \"<<\" is already at \(mergedAt.line):\(mergedAt.column); give it a list of maps",
        code: "yaml.duplicate-key")
    }
    mergedAt = (event.line, event.column)
    for map in value.list ?? [value] {
      guard map.isMap else { throw event.fault("<< takes a map or a list of maps") }
      for pair in map.pairs where places[pair.key] == nil {
        places[pair.key] = pairs.count
        merged.insert(pair.key)
        pairs.append(pair)
      }
    }
  }
}
