import Engine
import Testing

@Suite struct JSONScannerTests {
  private func problem(_ bytes: [UInt8], _ limits: JSONLimits = .event) -> JSONError? {
    #expect(throws: JSONError.self) { try JSONText(checking: bytes, limits: limits) }
  }

  @Test(arguments: [
    "null", "true", "false", "0", "-0", "-0.0", "1e400", "1E+5", "0.5e-3", "12345678901234567890",
    #""""#, #""\ud83d\ude00""#, #""\u0000\/\b\f\n\r\t\"\\""#, "\"\u{7F}\u{2028}\u{10FFFF}\"",
    "[]", "{}", " \t\r\n[ 1 , 2 ] ", #"{"a":{"b":[]},"A":1}"#, #"{"":""}"#,
    #"{"é":1,"e\#u{301}":2}"#,
  ])
  func `every value that RFC 8259 allows is accepted and kept as it is`(text: String) throws {
    #expect(try JSONText(checking: Array(text.utf8)).description == text)
  }

  @Test(arguments: [
    ("", 0), ("   ", 0), ("nul", 0), ("nulll", 4), ("True", 0), ("NaN", 0), ("Infinity", 0),
    ("-Infinity", 1), ("+1", 0), ("01", 1), ("-01", 2), ("1.", 2), (".5", 0), ("1e", 2), ("-", 1),
    ("0x10", 1), ("1 2", 2), ("[1]x", 3), ("{} {}", 3), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3),
    ("[", 1), ("[1", 2), ("[1,", 3), ("{", 1), (#"{"a""#, 4), (#"{"a":"#, 5), (#"{"a":1"#, 6),
    (#"{"a":1,}"#, 7), (#"{a:1}"#, 1), ("{1:1}", 1), (#"{"a" 1}"#, 5), (#"{"a":1 "b":2}"#, 7),
    ("'a'", 0), ("\"a", 2), ("\"a\nb\"", 2), ("\"a\tb\"", 2), (#""\x41""#, 1), (#""\u12""#, 1),
    (#""\u12G4""#, 1), (#""\"#, 1), ("// c\n1", 0), ("]", 0), ("}", 0), ("[1}", 2),
    (#"{"a":1]"#, 6),
  ])
  func `everything else is refused where it stops being JSON`(text: String, offset: Int) {
    #expect(problem(Array(text.utf8))?.offset == offset)
  }

  @Test(arguments: [
    #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800\n""#, #""\ud800x""#,
    #""\ude00\ud83d""#,
    #""\ud83d\u0041""#,
  ])
  func `a surrogate that stands alone is refused`(text: String) {
    #expect(problem(Array(text.utf8))?.message.contains("surrogate") == true)
  }

  @Test(arguments: [
    [0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82],
    [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98],
    [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE],
  ])
  func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
    #expect(problem([0x22, 0x61] + bytes + [0x22])?.message == "the text is not UTF-8")
    #expect(problem([0x22] + bytes)?.offset == 1)
  }

  @Test func `a byte-order mark is refused`() {
    #expect(problem([0xEF, 0xBB, 0xBF, 0x31])?.offset == 0)
    #expect(problem([0xFF, 0xFE, 0x31, 0x00])?.offset == 0)
  }

  @Test(arguments: ["[", #"{"a":"#, #"[{"a":"#])
  func `64 levels are accepted and 65 are not`(opening: String) throws {
    let levels = opening.utf8.count { $0 == 0x5B || $0 == 0x7B }
    func nested(_ depth: Int) -> [UInt8] {
      let opened = Array(String(repeating: opening, count: depth / levels).utf8)
      let closed = opened.reversed().compactMap { byte -> UInt8? in
        switch byte {
        case 0x5B: 0x5D
        case 0x7B: 0x7D
        default: nil
        }
      }
      return opened + (opening.hasSuffix(":") ? Array("[]".utf8) : []) + closed
    }
    let inner = opening.hasSuffix(":") ? 1 : 0
    #expect(try JSONText(checking: nested(64 - inner * levels)).value().kind != "null")
    #expect(problem(nested(64 + levels))?.message.contains("64 deep") == true)
  }

  @Test func `a hundred thousand brackets are refused without recursion`() {
    #expect(problem([UInt8](repeating: 0x5B, count: 100_000))?.offset == 64)
  }

  @Test(arguments: [
    (#"{"a":1,"a":2}"#, 7), (#"{"a":1,"\u0061":2}"#, 7), (#"{"\u0061":1,"a":2}"#, 12),
    (#"{"x":{"a":1,"b":2,"a":3}}"#, 18), (#"{"":1,"":2}"#, 6), (#"{"\ud83d\ude00":1,"😀":2}"#, 18),
  ])
  func `a key that stands twice is refused, however it is spelled`(text: String, offset: Int) {
    #expect(problem(Array(text.utf8))?.offset == offset)
  }

  @Test(arguments: [2, 15, 16, 17, 40])
  func `the last of many keys is compared with all`(count: Int) throws {
    let members = (0..<count).map { #""k\#($0)":0"# }.joined(separator: ",")
    #expect(try JSONText(checking: Array("{\(members)}".utf8)).value().object?.keys.count == count)
    for key in ["k0", #"\u006b\#(count - 1)"#] {
      #expect(problem(Array("{\(members),\"\(key)\":1}".utf8))?.offset == members.utf8.count + 2)
    }
  }

  @Test(arguments: [0, 20])
  func `canonically equivalent keys are two keys`(others: Int) throws {
    let members = (0..<others).map { #""k\#($0)":0,"# }.joined()
    let text = "{\(members)\"\u{E9}\":1,\"e\u{301}\":2}"
    let value = try JSONText(checking: Array(text.utf8)).value()
    #expect(value["\u{E9}"] == 1)
    #expect(value["e\u{301}"] == 2)
    #expect(JSONText(value).description == text)
  }

  @Test func `limits count keys, bytes and digits`() throws {
    let limits = JSONLimits(depthMax: 64, bytesMax: 20, keysMax: 2)
    #expect(try JSONText(checking: Array(#"{"a":1,"b":2}"#.utf8), limits: limits).isObject)
    #expect(
      problem(Array(#"{"a":1,"b":2,"c":3}"#.utf8), limits)?.message.contains("2 keys") == true)
    #expect(problem(Array(#"{"a":"12345678901234"}"#.utf8), limits)?.offset == 20)
    #expect(try JSONText(checking: Array(repeating: 0x31, count: 1_024)).value().number != nil)
    #expect(problem(Array(repeating: 0x31, count: 1_025))?.message.contains("1024") == true)
    #expect(problem(Array(repeating: 0x31, count: 100_000))?.message.contains("1024") == true)
  }

  @Test func `an error never repeats the text`() {
    let shown = problem(Array(#"{"token":"s3cret","token":1}"#.utf8)).map { "\($0)" }
    #expect(shown == "a key stands twice in one object at byte 18")
  }
}
