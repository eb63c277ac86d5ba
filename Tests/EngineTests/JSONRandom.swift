import Engine
import TestSupport

/// A generator whose numbers follow from its seed, so that a failing case can be run again.
struct JSONRandom: RandomNumberGenerator {
  private var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  mutating func next() -> UInt64 { generator.next() }

  mutating func number(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func pick<Element>(_ list: [Element], else fallback: Element) -> Element {
    list.randomElement(using: &self) ?? fallback
  }

  /// Any JSON value, at most `depth` levels.
  mutating func value(depth: Int) -> JSONValue {
    switch number(below: depth > 1 ? 8 : 6) {
    case 0: return .null
    case 1: return .bool(number(below: 2) == 0)
    case 2: return JSONValue(Int64(bitPattern: next()))
    case 3: return .number(JSONNumber(validText: pick(JSONRandom.numbers, else: "0")))
    case 4, 5: return .string(text())
    case 6: return .array((0..<number(below: 5)).map { _ in value(depth: depth - 1) })
    default:
      var object: JSONObject = [:]
      for _ in 0..<number(below: 6) { object[key()] = value(depth: depth - 1) }
      return .object(object)
    }
  }

  mutating func key() -> String {
    pick(["a", "b", "length", "0", "x.y", "é", "e\u{301}", "q\"\\", "\u{1F600}", ""], else: "a")
  }

  private mutating func text() -> String {
    let parts = ["a", "\"", "\\", "\n", "\u{0}", "\u{1F}", "é", "\u{1F600}", "\u{2028}", "/", "{"]
    return (0..<number(below: 8)).map { _ in pick(parts, else: "a") }.joined()
  }

  private static let numbers = ["0", "-0", "5.0", "1e400", "-1.5E-7", "9007199254740993", "0.1"]
}

/// A JSON text that a test knows to be right.
func json(_ text: String) -> JSONText { JSONText(checked: Array(text.utf8)) }
