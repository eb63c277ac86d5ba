import Engine
import ProjectConfiguration
import TestSupport

/// Damages YAML texts: bytes, lines, words, and what stands at keys.
struct Mutator {
  let corpus: [[UInt8]]
  var generator: SplitMix64

  /// What has a meaning to the parser or the loader.
  static let tokens: [String] =
    [
      "{", "}", "[", "]", "&a ", "*a", "- ", ": ", "\n", "\"", "'", "${", "${PLAIN}", "${TOKEN}",
      "${X:-", "}", "$${", "{{ params.source }}", "{{ params.n }}", "{{", "}}", "<<: ", "<<: *a",
      "!!int ", "!!str ", "!x ", "9", "\t", "\r\n", "\u{FEFF}", "\u{0}", "\u{7}", "\u{2028}",
      "---\n", "...\n", "%TAG ! !\n", "? ", "| \n", ">\n", "#", "~", "null", "true", "-1",
      "99999999999999999999", "1e999", ".nan", "0x", "30s", "1MB", "10/m", "a.b", "a..b", "orgloop",
      "default", "../", "/dev/zero", "~/x", "*.yaml", "**/*", "[a-", "webhook", "script", "package",
      "./m", "Module", "Project", "Workspace", "e\u{301}", "\u{1F600}", "\u{202E}",
    ] + Array(Set(Tables.all.flatMap(\.keys))).sorted().map { "\($0): " }

  init(corpus: [[UInt8]], seed: UInt64) {
    self.corpus = corpus
    generator = SplitMix64(seed: seed)
  }

  mutating func next() -> [UInt8] {
    var bytes = pick(corpus)
    for _ in 0..<number(1...6) {
      switch number(0...9) {
      case 0, 1: flip(&bytes)
      case 2, 3: insertToken(&bytes)
      case 4: splice(&bytes)
      case 5: cut(&bytes)
      case 6, 7: changeLines(&bytes)
      case 8: changeValue(&bytes)
      default: repeatPart(&bytes)
      }
    }
    return Array(bytes.prefix(64 << 10))
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &generator)
  }

  private mutating func pick<Element>(_ list: [Element]) -> Element {
    list[number(0...(list.count - 1))]
  }

  private mutating func place(in bytes: [UInt8]) -> Int { number(0...bytes.count) }

  private mutating func flip(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let place = number(0...(bytes.count - 1))
    bytes[place] =
      number(0...1) == 0 ? bytes[place] ^ (1 << UInt8(number(0...7))) : UInt8(number(0...255))
  }

  private mutating func insertToken(_ bytes: inout [UInt8]) {
    let token = Array(pick(Mutator.tokens).utf8)
    bytes.insert(contentsOf: token, at: place(in: bytes))
  }

  /// The beginning of one text and the end of another.
  private mutating func splice(_ bytes: inout [UInt8]) {
    let other = pick(corpus)
    bytes = Array(bytes.prefix(place(in: bytes))) + other.suffix(place(in: other))
  }

  private mutating func cut(_ bytes: inout [UInt8]) {
    let start = place(in: bytes)
    let end = min(bytes.count, start + number(1...40))
    bytes.removeSubrange(start..<end)
  }

  private mutating func changeLines(_ bytes: inout [UInt8]) {
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
    let one = number(0...(lines.count - 1))
    switch number(0...4) {
    case 0: lines.insert(lines[one], at: number(0...(lines.count - 1)))
    case 1: lines.remove(at: one)
    case 2: lines.swapAt(one, number(0...(lines.count - 1)))
    case 3: lines[one].insert(contentsOf: [0x20, 0x20], at: 0)
    default: lines[one] = Array(lines[one].drop { $0 == 0x20 })
    }
    bytes = Array(lines.joined(separator: [0x0A]))
  }

  /// Another value at a key of a line, often that of another line.
  private mutating func changeValue(_ bytes: inout [UInt8]) {
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
    let one = number(0...(lines.count - 1))
    let other = pick(lines)
    guard let colon = lines[one].lastIndex(of: 0x3A) else { return }
    let value =
      number(0...1) == 0
      ? Array(pick(Mutator.tokens).utf8)
      : other.lastIndex(of: 0x3A).map { Array(other[($0 + 1)...]) } ?? []
    lines[one] = lines[one][...colon] + [0x20] + value
    bytes = Array(lines.joined(separator: [0x0A]))
  }

  private mutating func repeatPart(_ bytes: inout [UInt8]) {
    let start = place(in: bytes)
    let end = min(bytes.count, start + number(1...20))
    let part = bytes[start..<end]
    let times = number(0...9) == 0 ? number(100...2_000) : number(2...20)
    bytes.insert(contentsOf: Array(repeatElement(part, count: times).joined()), at: end)
  }
}
