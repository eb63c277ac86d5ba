// Yams keeps its event loop private and its `compose` recurses without a bound and hashes whole
// nodes when keys repeat (an alias used as a key makes that exponential). So the events are taken
// from libyaml itself, the C part of Yams: every bound is checked before anything is built.
internal import CYaml

/// What is wrong with a YAML text, and where; lines and columns count from 1.
struct YAMLFault: Error {
  var code = "yaml.syntax"
  let message: String
  let line: Int
  let column: Int
}

/// All that is wrong with one file, in its order; never empty.
struct YAMLFaults: Error {
  /// More of one file would only be scrolled past.
  static let countMax = 20

  let first: YAMLFault
  private(set) var more: [YAMLFault] = []

  init(_ first: YAMLFault) {
    self.first = first
  }

  var all: [YAMLFault] { [first] + more }

  mutating func add(_ fault: YAMLFault) {
    if more.count + 1 < YAMLFaults.countMax { more.append(fault) }
  }
}

/// One step of a YAML stream with the place where it begins.
struct YAMLEvent {
  enum Kind {
    case streamStart, streamEnd, documentStart, documentEnd, listEnd, mapEnd
    case alias(String)
    case scalar(text: String, isPlain: Bool)
    case listStart
    case mapStart
  }

  let kind: Kind
  let anchor: String?
  /// Nil when the type follows from the text; `!` is the text's own "take me as I am".
  let tag: String?
  let line: Int
  let column: Int

  func fault(_ message: String, code: String = "yaml.syntax") -> YAMLFault {
    YAMLFault(code: code, message: message, line: line, column: column)
  }
}

/// The events of one YAML text, in order.
///
/// libyaml's parser keeps its own stack on the heap, so no nesting can exhaust ours.
struct YAMLEvents: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>

  /// - Throws: ``YAMLFault`` when there is no memory for the parser.
  init(_ bytes: [UInt8]) throws(YAMLFault) {
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      throw YAMLFault(message: "not enough memory", line: 1, column: 1)
    }
    self.parser = parser
    input = .allocate(capacity: max(bytes.count, 1))
    _ = input.initialize(from: bytes)
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    input.deallocate()
  }

  /// - Throws: ``YAMLFault`` where the text is no YAML; the stream cannot be read on after that.
  func next() throws(YAMLFault) -> YAMLEvent {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw fault() }
    defer { yaml_event_delete(&event) }
    var anchor: UnsafeMutablePointer<yaml_char_t>?
    var tag: UnsafeMutablePointer<yaml_char_t>?
    let kind: YAMLEvent.Kind
    switch event.type {
    case YAML_STREAM_START_EVENT: kind = .streamStart
    case YAML_DOCUMENT_START_EVENT: kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
    case YAML_ALIAS_EVENT: kind = .alias(YAMLEvents.string(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      anchor = scalar.anchor
      tag = scalar.tag
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      kind = .scalar(
        text: String(decoding: bytes, as: UTF8.self),
        isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_SEQUENCE_START_EVENT:
      anchor = event.data.sequence_start.anchor
      tag = event.data.sequence_start.tag
      kind = .listStart
    case YAML_MAPPING_START_EVENT:
      anchor = event.data.mapping_start.anchor
      tag = event.data.mapping_start.tag
      kind = .mapStart
    case YAML_SEQUENCE_END_EVENT: kind = .listEnd
    case YAML_MAPPING_END_EVENT: kind = .mapEnd
    default: kind = .streamEnd
    }
    return YAMLEvent(
      kind: kind, anchor: YAMLEvents.string(anchor), tag: YAMLEvents.string(tag),
      line: event.start_mark.line + 1, column: event.start_mark.column + 1)
  }

  private func fault() -> YAMLFault {
    let value = parser.pointee
    let mark = value.problem_mark
    var message = value.problem.map { String(cString: $0) } ?? "not valid YAML"
    if isTab(at: mark.line, mark.column) {
      message = "a tab stands where only blanks may: indent with spaces"
    } else if message.hasPrefix("Maximum nesting level") {
      // libyaml's own words name a function that nobody here can call.
      message = "nested deeper than \(YAMLDocument.depthMax) levels"
    } else if let context = value.context {
      message += " (\(String(cString: context)))"
    }
    return YAMLFault(message: message, line: mark.line + 1, column: mark.column + 1)
  }

  private func isTab(at line: Int, _ column: Int) -> Bool {
    let lines = input.split(separator: 0x0A, maxSplits: line, omittingEmptySubsequences: false)
    guard line < lines.count else { return false }
    let rest = lines[line].dropFirst(column)
    return (rest.first ?? 0) == 0x09
  }

  private static func string(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
  }
}
