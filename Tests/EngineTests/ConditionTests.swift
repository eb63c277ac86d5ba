import Engine
import Testing

@Suite struct ConditionTests {
  /// The verdict for a JSON text, nil = missing; the tree must give the same one.
  private func verdict(_ condition: Condition, _ text: String?) -> ConditionVerdict {
    let slice = text.map { json(#"{ "v" : \#($0) }"#) }?.slice(at: DotPath(keys: ["v"]))
    let verdict = condition.verdict(for: slice)
    #expect(condition.verdict(for: text.map { json($0).value() }) == verdict)
    return verdict
  }

  private func holds(_ condition: Condition, _ text: String?) -> Bool {
    verdict(condition, text) == .holds
  }

  @Test(
    arguments: [
      ("x", #""x""#, true), ("x", #""y""#, false), ("x", #""xx""#, false), ("x", #""""#, false),
      ("A\n", #""\u0041\n""#, true), ("5", "5", false), (5, "5", true), (5, "5.0", true),
      (5, "5e0", true), (5, "50e-1", true), (5, #""5""#, false), (5, "6", false), (0, "-0", true),
      (true, "true", true), (true, "false", false), (false, "false", true),
      (true, #""true""#, false),
      (true, "1", false), (1, "true", false), (nil, "null", true), (nil, "0", false),
      (nil, "false", false), (nil, #""""#, false), ("null", "null", false), (false, "null", false),
      ("\u{E9}", "\"e\u{301}\"", false), ("\u{E9}", #""\u00e9""#, true),
      ("x", #"["a","x"]"#, true), ("x", #"["a","b"]"#, false), ("x", "[]", false),
      ("x", #"[["x"]]"#, false), (nil, "[null]", true), (nil, "[]", false),
      ("x", #"{"x":1}"#, false),
    ] as [(JSONValue, String, Bool)])
  func `equality asks for the same type and value`(wanted: JSONValue, value: String, holds: Bool) {
    #expect(self.holds(.equals(wanted), value) == holds)
    #expect(!self.holds(.equals(wanted), nil))
  }

  @Test(
    arguments: [
      (.prefix("pull", ignoreCase: false), #""pull_request""#, true),
      (.prefix("pull", ignoreCase: false), #""Pull""#, false),
      (.prefix("pull", ignoreCase: false), #""pul""#, false),
      (.prefix("", ignoreCase: false), #""""#, true),
      (.prefix("1", ignoreCase: false), "12", false),
      (.prefix("a\"", ignoreCase: false), #""a\"b""#, true),
      (.prefix("PULL", ignoreCase: true), #""pull_request""#, true),
      (.prefix("stra\u{DF}", ignoreCase: true), #""STRASSE""#, true),
      (.prefix("x", ignoreCase: true), #""""#, false),
      (.suffix(".sql", ignoreCase: false), #""a/b.sql""#, true),
      (.suffix(".sql", ignoreCase: false), #""a.sql.txt""#, false),
      (.suffix(".sql", ignoreCase: false), #""sql""#, false),
      (.suffix(".SQL", ignoreCase: true), #""a.sQl""#, true),
      (.suffix("e", ignoreCase: false), "true", false),
      (.prefix("b", ignoreCase: false), #"["a","bc"]"#, true),
      (.suffix("b", ignoreCase: false), #"["a","bc"]"#, false),
    ] as [(Condition, String, Bool)])
  func `prefix and suffix look at strings`(condition: Condition, value: String, holds: Bool) {
    #expect(self.holds(condition, value) == holds)
  }

  @Test(arguments: [
    ("Dana", "dANA", true), ("Dana", "Dan", false), ("", "", true), ("STRASSE", "straße", true),
    ("straẞe", "STRASSE", true), ("ΣΊΣΥΦΟΣ", "σίσυφος", true), ("σ", "ς", true),
    ("\u{212A}", "k", true), ("ſ", "S", true), ("\u{131}", "i", false), ("\u{131}", "I", false),
    ("\u{130}", "i\u{307}", true), ("\u{130}", "i", false), ("ﬁ", "FI", true), ("é", "É", true),
    ("é", "e", false), ("Я", "я", true), ("😀", "😀", true),
  ])
  func `equals-ignore-case folds as Unicode says`(left: String, right: String, areEqual: Bool) {
    #expect(holds(.equalsIgnoreCase(left), JSONText(.string(right)).description) == areEqual)
    #expect(holds(.equalsIgnoreCase(right), JSONText(.string(left)).description) == areEqual)
  }

  @Test(arguments: [
    ("*", "", true), ("*", "anything", true), ("", "", true), ("", "x", false),
    ("a*c", "abbc", true), ("a*c", "ac", true), ("a*c", "acb", false), ("a*b*c", "a-b-b-c", true),
    ("*.rs", "src/main.rs", true), ("*.rs", "main.rsx", false), ("src/*", "src/", true),
    ("a\\*c", "a*c", true), ("a\\*c", "abc", false), ("\\*", "*", true), ("\\*", "\\*", false),
    ("\\**", "*x", true), ("**", "x", true), ("a\\b", "a\\b", true), ("x\\", "x\\", true),
    ("é*", "été", true), ("*é", "été", true), ("?", "x", false), ("*ab*ab*", "abab", true),
    ("*ab*ab*", "aab", false), ("A*", "abc", false),
  ])
  func `a wildcard describes the whole value`(pattern: String, value: String, holds: Bool) {
    #expect(
      self.holds(.wildcard(pattern), JSONText(.string(value)).description) == holds)
    #expect(!self.holds(.wildcard(pattern), "7"))
  }

  @Test func `a wildcard with many stars ends soon`() {
    let value = String(repeating: "a", count: 5_000)
    #expect(
      !holds(.wildcard(String(repeating: "*a", count: 30) + "*b"), "\"\(value)\""))
  }

  @Test(arguments: [
    ("x", #""y""#, true), ("x", #""x""#, false), ("x", "5", true), ("x", "null", true),
    ("x", #"["a","b"]"#, true), ("x", #"["a","x"]"#, false), ("x", "[]", true),
    ("x", #"{"x":1}"#, true),
  ])
  func `anything-but holds for a value that is present and none of these`(
    excluded: String, value: String, holds: Bool
  ) {
    #expect(self.holds(.anythingBut([.equals(.string(excluded))]), value) == holds)
    #expect(!self.holds(.anythingBut([.equals(.string(excluded))]), nil))
  }

  @Test func `anything-but takes lists and text operators`() {
    let condition = Condition.anythingBut([
      .equals("a"), .prefix("bot-", ignoreCase: false), .suffix("[bot]", ignoreCase: false),
      .wildcard("*auto*"), .equalsIgnoreCase("ROOT"),
    ])
    for name in ["a", "bot-1", "renovate[bot]", "an-auto-x", "root"] {
      #expect(!holds(condition, "\"\(name)\""))
      #expect(!holds(condition, #"["dana","\#(name)"]"#))
    }
    #expect(holds(condition, #""dana""#))
    #expect(!holds(.anythingBut([.equals(nil)]), "null"))
  }

  @Test(arguments: [
    ("=", "5", "5.0", true), ("=", "5", "6", false), ("!=", "5", "6", true),
    ("!=", "5", "5.0", false), ("<", "5", "4.9", true), ("<", "5", "5", false),
    ("<=", "5", "5", true), ("<=", "5", "5.1", false), (">", "0", "1e-300", true),
    (">", "0", "-0", false), (">=", "-1", "-1.0", true), (">=", "-1", "-1.1", false),
    (">", "9007199254740992", "9007199254740993", true), (">", "5", #""6""#, false),
    ("!=", "5", #""6""#, false), ("!=", "5", "null", false), ("=", "5", "[1,5]", true),
    ("=", "1", "true", false),
  ])
  func `numeric compares JSON numbers`(
    comparison: String, bound: String, value: String, holds: Bool
  ) throws {
    let comparison = try #require(NumericBound.Comparison(rawValue: comparison))
    let number = JSONNumber(validText: bound)
    #expect(self.holds(.numeric([NumericBound(comparison, number)]), value) == holds)
  }

  @Test func `all bounds of numeric hold for one number`() {
    let range = Condition.numeric([
      NumericBound(.greater, JSONNumber(Int64(0))),
      NumericBound(.lessOrEqual, JSONNumber(Int64(5))),
    ])
    #expect(holds(range, "5"))
    #expect(!holds(range, "0"))
    #expect(!holds(range, "[0,6]"))
    #expect(holds(range, "[0,3]"))
  }

  @Test(arguments: ["null", "0", "false", #""""#, "[]", "{}", #"["a"]"#])
  func `exists is about presence, and null is present`(value: String) {
    #expect(holds(.exists(true), value))
    #expect(!holds(.exists(false), value))
  }

  @Test func `a missing value satisfies nothing but exists false`() throws {
    let others: [Condition] = [
      .exists(true), .equals(nil), .equals(""), .any([.equals(nil)]), .anythingBut([]),
      .prefix("", ignoreCase: false), .suffix("", ignoreCase: true), .equalsIgnoreCase(""),
      .wildcard("*"), .numeric([]), .cidr([]), .regex(try RegexPattern("")), .any([]), .all([]),
      .all([.exists(false), .wildcard("*")]),
    ]
    for condition in others { #expect(!holds(condition, nil), "\(condition)") }
    #expect(holds(.exists(false), nil))
    #expect(holds(.any([.equals("x"), .exists(false)]), nil))
    #expect(holds(.all([.exists(false)]), nil))
  }

  @Test func `a list of conditions holds when one does`() {
    let condition = Condition.any([.equals("a"), .prefix("issues.", ignoreCase: false), .equals(3)])
    #expect(holds(condition, #""a""#))
    #expect(holds(condition, #""issues.opened""#))
    #expect(holds(condition, "3.0"))
    #expect(holds(condition, #"["x","a"]"#))
    #expect(!holds(condition, #""b""#))
    #expect(!holds(condition, #"["x","b"]"#))
  }

  @Test func `an operator map holds for one element of a list, its exclusions for every one`() {
    let map = Condition.all([.prefix("a", ignoreCase: false), .suffix("z", ignoreCase: false)])
    #expect(holds(map, #""abz""#))
    #expect(!holds(map, #""ab""#))
    #expect(holds(map, #"["x","abz"]"#))
    #expect(!holds(map, #"["ab","xz"]"#))
    let excluding = Condition.all([.prefix("a", ignoreCase: false), .anythingBut([.equals("b")])])
    #expect(holds(excluding, #"["a1","c"]"#))
    #expect(!holds(excluding, #"["a1","b"]"#))
    #expect(!holds(excluding, #"["c"]"#))
    #expect(holds(.all([.exists(true)]), "[]"))
    #expect(!holds(.all([.exists(true), .prefix("", ignoreCase: false)]), "[]"))
  }

  @Test func `a regular expression at its limit fails the condition and says so`() throws {
    let slow = Condition.regex(try RegexPattern("(a+)+$"))
    let value = "\"" + String(repeating: "a", count: 40) + "!\""
    #expect(verdict(slow, value) == .regexLimit)
    #expect(verdict(.any([slow, .equals("x")]), value) == .regexLimit)
    #expect(verdict(.any([slow, .prefix("a", ignoreCase: false)]), value) == .holds)
    #expect(verdict(.all([.exists(true), slow]), value) == .regexLimit)
    #expect(verdict(.all([.exists(false), slow]), value) == .fails)
    #expect(verdict(slow, "[\(value)]") == .regexLimit)
    // The limit is the condition's, not one of each element.
    #expect(verdict(slow, "[\(value),\"aa\"]") == .regexLimit)
    #expect(verdict(slow, "[\"aa\",\(value)]") == .holds)
    let both = Condition.all([.prefix("a", ignoreCase: false), slow])
    #expect(verdict(both, "[\(value),\"aa\"]") == .regexLimit)
    #expect(verdict(slow, "5") == .fails)
  }

  @Test func `cidr looks at strings that are addresses`() throws {
    let blocks = try ["10.0.0.0/8", "2001:db8::/33"].map { try #require(CIDRBlock($0)) }
    #expect(holds(.cidr(blocks), #""10.255.0.1""#))
    #expect(holds(.cidr(blocks), #""2001:db8:7fff::1""#))
    #expect(!holds(.cidr(blocks), #""2001:db8:8000::1""#))
    #expect(!holds(.cidr(blocks), #""11.0.0.1""#))
    #expect(!holds(.cidr(blocks), #""10.0.0.1\u0000""#))
    #expect(!holds(.cidr(blocks), "10"))
  }

  @Test func `a condition is described as configuration would write it`() throws {
    let rows: [(Condition, String)] = [
      (.equals("a"), #""a""#), (.equals(nil), "null"),
      (.any([.equals(1), .equals(true)]), "[1,true]"),
      (.prefix("a", ignoreCase: false), #"{"prefix":"a"}"#),
      (.suffix("a", ignoreCase: true), #"{"suffix":{"equals-ignore-case":"a"}}"#),
      (.all([.exists(true), .wildcard("a*")]), #"{"exists":true,"wildcard":"a*"}"#),
      (.all([.exists(true), .equals(1)]), #"{"all":[{"exists":true},1]}"#),
      (.anythingBut([.equals("a")]), #"{"anything-but":["a"]}"#),
      (.numeric([NumericBound(.greater, JSONNumber(Int64(0)))]), #"{"numeric":[">",0]}"#),
      (.regex(try RegexPattern("/a/i")), #"{"regex":"/a/i"}"#),
      (.cidr([try #require(CIDRBlock("10.0.0.0/8"))]), #"{"cidr":["10.0.0.0/8"]}"#),
      (.equalsIgnoreCase("a"), #"{"equals-ignore-case":"a"}"#),
    ]
    for (condition, text) in rows { #expect(condition.description == text) }
  }
}
