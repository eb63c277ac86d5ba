import Engine
import Testing

@Suite struct JSONTreeTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func `a tree survives being written, checked and read`(seed: UInt64) throws {
    var random = JSONRandom(seed: seed)
    let value = random.value(depth: 6)
    for indent in [0, 2] {
      var writer = JSONWriter(indent: indent)
      writer.append(value)
      let text = try JSONText(checking: writer.bytes)
      #expect(text.value() == value)
      #expect(JSONText(text.value()) == JSONText(value))
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func `a look-up in the bytes finds what a look-up in the tree finds`(seed: UInt64) {
    var random = JSONRandom(seed: seed &+ 1_000)
    let value = random.value(depth: 5)
    var writer = JSONWriter(indent: 3)
    writer.append(value)
    let text = JSONText(checked: writer.bytes)
    for _ in 0..<50 {
      let keys = (0..<random.number(below: 4)).map { _ in
        random.pick([random.key(), "0", "1", "2"], else: "a")
      }
      let path = DotPath(keys: keys)
      #expect(text.value(at: path) == value.value(at: path), "\(path) in \(text)")
      #expect((text.slice(at: path) == nil) == (value.value(at: path) == nil))
    }
  }

  @Test(
    arguments: [
      ("a", "1"), ("b.c", #""x""#), ("list.0", "10"), ("list.2", nil), ("list.length", "2"),
      ("b.c.length", "1"), ("b.c.length.length", nil), ("list.length.0", nil),
      ("list.length.length", nil), ("smile.length", "1"), ("escaped.length", "2"), ("none", nil),
      ("a.length", nil), ("b.d", nil), ("length", "7"), (#"dot\.ted"#, "true"), ("dot.ted", nil),
      ("list.-1", nil), ("list.99999999999999999999", nil), ("event.a", "1"), ("event", nil),
      ("list.1.k", "null"), ("b.c.0", nil), ("\u{E9}", "2"), ("e\u{301}", "3"),
      (#"back\slash"#, "4"), ("open", "{}"),
    ] as [(String, String?)])
  func `a dot path leads where config 2 says`(path: String, found: String?) throws {
    let text = try JSONText(
      checking: Array(
        """
        { "a" : 1, "b": {"c":"x"}, "list": [10, {"k":null}], "smile":"\u{1F600}",
          "escaped":"\\ud83d\\ude00\\n", "length":7, "dot.ted":true, "\u{E9}":2, "e\\u0301":3,
          "back\\\\slash":4, "open":{ } }
        """.utf8))
    let path = try #require(DotPath(path))
    #expect(text.value(at: path).map { JSONText($0).description } == found)
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func `a text that was damaged after its check is read without a crash`(seed: UInt64) {
    var random = JSONRandom(seed: seed &+ 9_000)
    let whole = JSONText(["k": random.value(depth: 5), "a": random.value(depth: 4)]).bytes
    for _ in 0..<100 {
      var bytes = Array(whole.prefix(1 + random.number(below: whole.count)))
      for _ in 0..<random.number(below: 3) {
        let place = random.number(below: bytes.count)
        bytes[place] = random.pick(Array(#""\[]{}:,tu1-"#.utf8) + [0xC3, 0x80], else: 0)
      }
      let text = JSONText(checked: bytes)
      #expect(!text.value().kind.isEmpty)
      for path in [[], ["k"], ["a", "0"], ["k", "length"], ["k", "a", "b"]] {
        guard let slice = text.slice(at: DotPath(keys: path)) else { continue }
        #expect(!slice.bytes.isEmpty)
        #expect(slice.excerpt(characters: 5).unicodeScalars.count <= bytes.count)
        #expect(Condition.any([.equals("a"), .equals(1)]).verdict(for: slice) != .regexLimit)
      }
    }
  }

  @Test func `only what must be escaped is escaped`() {
    let text = JSONText("a\"b\\c\n\r\t\u{0}\u{1F}\u{7F}/é\u{2028}\u{1F600}")
    let escaped = #""a\"b\\c\n\r\t\u0000\u001f"#
    #expect(text.description == escaped + "\u{7F}/é\u{2028}\u{1F600}\"")
    var writer = JSONWriter(indent: 2)
    writer.append(["a": [1, [:]], "e": []])
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"e\": []\n}")
  }

  @Test(arguments: ["", ".", "a..b", ".a", "a.", "event."])
  func `a path with an empty segment is none`(path: String) {
    #expect(DotPath(path) == nil)
  }

  @Test func `a combining mark does not hide a dot of a path`() {
    #expect(DotPath("a.\u{301}b")?.segments.map(\.key) == ["a", "\u{301}b"])
    #expect(DotPath("a\\.b.c")?.segments.map(\.key) == ["a.b", "c"])
    #expect(DotPath("a\\.b.c")?.description == "a\\.b.c")
    #expect(DotPath("a.b.c")?.tail(after: "a")?.description == "b.c")
    #expect(DotPath("a.b.c")?.tail(after: "b") == nil)
  }

  @Test func `a slice is the value without the blanks around it`() throws {
    let text = json(#" { "a" : [ 1 , "x\u0041" , { } , null ] , "b" : -1.50e+2 } "#)
    #expect(text.slice(at: DotPath(keys: ["b"]))?.bytes.elementsEqual("-1.50e+2".utf8) == true)
    let list = try #require(text.slice(at: DotPath(keys: ["a"])))
    #expect(list.value == [1, "xA", [:], nil])
    #expect(list.string == nil)
    #expect(list.plainText == #"[1,"xA",{},null]"#)
    #expect(text.slice(at: DotPath(keys: ["a", "1"]))?.string == "xA")
    #expect(text.slice(at: DotPath(keys: []))?.value == text.value())
  }

  @Test(arguments: [
    ("5", "5.0", true), ("5", "5e0", true), ("50", "5e1", true), ("-0", "0", true),
    ("0.10", "1e-1", true), ("0", "0e999999999999999999999", true), ("5", "5.000001", false),
    ("9007199254740993", "9007199254740992.0", false), ("1e400", "2e400", false),
    ("1e400", "10e399", true), ("1e-400", "0", false), ("-1", "1", false),
  ])
  func `two numbers are one when their values are exactly equal`(
    left: String, right: String, areEqual: Bool
  ) {
    let (left, right) = (JSONNumber(validText: left), JSONNumber(validText: right))
    #expect((left == right) == areEqual)
    #expect((right == left) == areEqual)
    if areEqual { #expect(left.hashValue == right.hashValue) }
  }

  @Test func `numbers order by their exact values`() {
    let ordered = [
      "-1e400", "-10.5", "-10", "-1e-5", "0", "1e-400", "0.09", "0.1", "1", "1.5", "9",
      "10", "9007199254740992.5", "9007199254740993", "1e20", "1e400", "2e400",
    ].map(JSONNumber.init(validText:))
    for (index, left) in ordered.enumerated() {
      for (other, right) in ordered.enumerated() {
        #expect((left < right) == (index < other), "\(left.text) \(right.text)")
      }
    }
  }

  @Test(
    arguments: [
      ("9223372036854775807", 9_223_372_036_854_775_807), ("5.0", 5), ("-0", 0), ("-0.0", 0),
      ("-9223372036854775808", .min), ("-9223372036854775808.0", .min), ("1e3", 1_000),
      ("9007199254740993.0", 9_007_199_254_740_993), ("9223372036854775808", nil), ("1e19", nil),
      ("0.5", nil), ("1e400", nil), ("12.50e1", 125),
    ] as [(String, Int64?)])
  func `a whole number of 64 bits is exact`(text: String, value: Int64?) {
    #expect(JSONNumber(validText: text).int64 == value)
  }

  @Test func `doubles become JSON`() {
    #expect(JSONNumber(1.5).text == "1.5")
    #expect(JSONNumber(3.0).text == "3")
    #expect(JSONNumber(.infinity).text == "0")
    #expect(JSONNumber(1e300).double == 1e300)
    #expect(JSONNumber(validText: "1e400").double == .infinity)
  }

  @Test func `setting a member keeps its place`() {
    var object: JSONObject = ["a": 1, "b": 2, "c": 3]
    object["b"] = "x"
    object["d"] = nil
    object["a"] = .null
    object["c"] = nil as JSONValue?
    object["e"] = true
    #expect(object.keys == ["a", "b", "e"])
    #expect(object["b"] == "x")
    #expect(object["a"]?.isNull == true)
    #expect(object == ["e": true, "b": "x", "a": nil])
    #expect(object != ["e": true, "b": "x", "a": 0])
  }

  @Test(arguments: [
    (#""short""#, "short"), (#""abc😀\ud83d\ude00é\u0041\nz""#, "abc😀😀éA\n…"),
    (#"{ "a" : "x \" y" , "b":1}"#, #"{"a":"x …"#), ("12345678901", "12345678…"),
    ("12345678", "12345678"), (#""12345678""#, "12345678"), (#""123456789""#, "12345678…"),
  ])
  func `an excerpt is the beginning of the text, with a mark for the rest`(
    text: String, excerpt: String
  ) throws {
    #expect(json(text).slice(at: DotPath(keys: []))?.excerpt(characters: 8) == excerpt)
  }

  @Test(arguments: [
    (#""12345678""#, "12345678"), (#""123456789""#, "…23456789"),
    (#""x\ud83d\ude00.sql""#, "x😀.sql"),
    (#""1234\n😀.json""#, "…4\n😀.json"), ("[123456789]", "[1234567…"),
  ])
  func `an excerpt of the end is that of a string`(text: String, excerpt: String) throws {
    let slice = try #require(json(text).slice(at: DotPath(keys: [])))
    #expect(slice.excerpt(characters: 8, ofEnd: true) == excerpt)
  }
}
