import Engine
import Testing

@Suite struct RegexTests {
  @Test(arguments: [
    ("b+", "abbc", true), ("^b", "abc", false), ("/ABC/i", "xabcx", true), ("/ABC/", "abc", false),
    ("/^b/m", "a\nb", true), ("^b", "a\nb", false), ("/a.b/s", "a\nb", true),
    ("a.b", "a\nb", false),
    ("a$", "a\n", false), ("/a$/m", "a\nb", true), ("/x/gy", "axa", true), ("", "", true),
    ("(?<=a)b", "ab", true), ("(?<!a)b", "ab", false), ("a(?!b)", "ab", false),
    ("a(?=b)", "ab", true),
    (#"\u00e9"#, "é", true), (#"\d{4}-\d{2}"#, "on 2026-03", true), (#"a\/b"#, "a/b", true),
    ("/a\\/b/", "a/b", true), ("^.$", "😀", true), ("[]", "x", false), ("[^]", "\n", true),
    ("(?<year>20..)", "2026", true), ("/", "a/b", true), ("/é/i", "É", true),
    (#"/\u{1F600}/u"#, "😀", true), (#"\u{41}"#, "A", true), (#"\x41"#, "A", true),
    (#"foo\sbar"#, "foo\u{a0}bar", true), (#"foo\sbar"#, "foo\u{2003}bar", true),
    (#"foo\sbar"#, "foo bar", true), (#"foo[\s,]bar"#, "foo\u{feff}bar", true),
    (#"foo[^\s]bar"#, "foo\u{a0}bar", false), (#"foo\Sbar"#, "foo\u{a0}bar", false),
    (#"foo\Sbar"#, "foo-bar", true), (#"^\s*$"#, "\t\u{b}\u{c}\u{2028}", true),
    (#"\v"#, "\n", false), (#"\v"#, "\u{b}", true), (#"[\v]"#, "\r", false),
    ("^a.b$", "a\rb", false), ("/^b/m", "a\rb", true), ("/a$/m", "a\r\nb", true),
    (#"\w"#, "é", false), (#"\d"#, "\u{663}", false), (#"\bé"#, "é", false),
    ("a{,3}", "a{,3}", true), ("x{a}", "x{a}", true), ("a{2}?b", "aab", true), ("[+]+", "++", true),
    (#"\++"#, "+", true), ("a+?", "aa", true), (#"[(*?+]+"#, "(*", true), ("(?i:A)", "a", true),
    (#"^\u{2764}+$"#, "\u{2764}\u{2764}", true), (#"^\u{41}{2}$"#, "AA", true),
    (#"^[\u{41}-\u{43}]+$"#, "ABC", true),
    (#"[\]\s]"#, "]", true), (#"[[]"#, "[", true), (#"\[\s\]"#, "[ ]", true),
  ])
  func `patterns are JavaScript-style and match anywhere`(
    pattern: String, value: String, matches: Bool
  ) throws {
    #expect(try RegexPattern(pattern).match(value) == (matches ? .yes : .no))
  }

  @Test(arguments: [
    #"(a)\1"#, #"(?<n>a)\k<n>"#, "(", "[a", "*a", "/a/q", "(?<n>", #"\C"#, "a{2,1}",
    "(?", "a**", #"a\"#,
  ])
  func `a pattern that is wrong or refers back is refused`(pattern: String) {
    let error = #expect(throws: EngineError.self) { try RegexPattern(pattern) }
    #expect(error?.code == .invalid)
  }

  @Test(arguments: [
    ("(a(?:(?R))?b)", #"(?R at character 6"#), ("(*ACCEPT)", "(* at character 1"),
    ("(?1)(a)", "(?1 at character 1"), ("(?C1)a", "(?C at character 1"), ("(?#c)a", "(?#"),
    ("(?|(a)|(b))", "(?|"), ("(?>a)", "(?>"), ("(a)(?(1)b)", "(?( at character 4"),
    ("(?x) a", "(?x"),
    (#"^\Qa.b\E$"#, #"\Q at character 2"#), (#"\h"#, #"\h"#), (#"[\h]"#, #"\h at character 2"#),
    (#"\R"#, #"\R"#), (#"\A"#, #"\A"#), (#"a\Z"#, #"\Z"#), (#"a\z"#, #"\z"#), (#"\e"#, #"\e"#),
    (#"\a"#, #"\a"#), (#"\K"#, #"\K"#), (#"\N"#, #"\N"#), (#"\X"#, #"\X"#), (#"\G"#, #"\G"#),
    ("a++", "a possessive quantifier at character 3"), ("a*+", "a possessive"), ("(a)?+", "a poss"),
    ("a{1,2}+", "a possessive quantifier at character 7"), ("/x++/i", "a possessive"),
  ])
  func `what only Perl understands is refused`(pattern: String, beginning: String) throws {
    let error = try #require(throws: EngineError.self) { try RegexPattern(pattern) }
    #expect(error.message.hasPrefix(beginning))
    #expect(error.message.hasSuffix(" is not JavaScript's syntax"))
  }

  @Test(arguments: [
    (#"\s\s("#, "missing closing parenthesis at character 6"),
    (#"[\s]*+"#, "a possessive quantifier at character 6 is not JavaScript's syntax"),
    (String(repeating: #"\S"#, count: 2_048), "regular expression is too large at character"),
  ])
  func `a refusal names the place in what was written`(pattern: String, message: String) throws {
    let error = try #require(throws: EngineError.self) { try RegexPattern(pattern) }
    #expect(error.message.hasPrefix(message))
  }

  @Test func `matches share their steps until these are used up`() throws {
    let slow = try RegexPattern("(a+)+$")
    var steps = RegexPattern.stepsMax
    #expect(slow.match("aaa", steps: &steps) == .yes)
    let taken = RegexPattern.stepsMax - steps
    #expect((1..<1_000).contains(taken))
    #expect(slow.match(String(repeating: "a", count: 60) + "!", steps: &steps) == .limitReached)
    #expect(steps <= 0)
    #expect(slow.match("aaa", steps: &steps) == .limitReached)
  }

  @Test func `an event's steps are lent out and leave each condition a few`() {
    var event = RegexSteps()
    for _ in 0..<RegexSteps.eventMax / RegexPattern.stepsMax {
      event.withSteps { steps in
        #expect(steps == RegexPattern.stepsMax)
        steps = -5
      }
    }
    #expect(event.left == 0)
    event.withSteps { #expect($0 == RegexSteps.conditionMin) }
    #expect(event.left == 0)
    var none = RegexSteps(atMost: 0)
    none.withSteps { #expect($0 == 0) }
  }

  @Test func `a pattern of 4 KiB is accepted and a longer one is not`() throws {
    let pattern = String(repeating: "a", count: RegexPattern.patternBytesMax)
    #expect(try RegexPattern(pattern).match(pattern) == .yes)
    #expect(throws: EngineError.self) { try RegexPattern(pattern + "a") }
  }

  @Test func `only the first 64 KiB of a value are tested`() throws {
    let text = String(repeating: "a", count: RegexPattern.subjectBytesMax - 1)
    let pattern = try RegexPattern("b")
    #expect(pattern.match(text + "b") == .yes)
    #expect(pattern.match(text + "ab") == .no)
    #expect(try RegexPattern("é").match(text + "é") == .no)
    #expect(try RegexPattern("a$").match(text + "é") == .yes)
  }

  @Test(arguments: [
    ("(a+)+$", String(repeating: "a", count: 50_000) + "!"),
    ("(a|a)*$", String(repeating: "a", count: 64) + "!"),
    ("(.*)*x[0-9]", String(repeating: "a", count: 64) + "x"),
    ("(?:a*)*b[0-9]", String(repeating: "a", count: 64_000) + "b"),
    // Each group alone stays below PCRE2's own limit, which begins anew at every position.
    ("(a+)+$", String(repeating: "aaaaaaaaaaaaaaab", count: 4_000)),
    ("a*b[0-9]", String(repeating: "a", count: 64_000) + "b"),
  ])
  func `a pattern that would run for minutes is stopped`(pattern: String, value: String) throws {
    let pattern = try RegexPattern(pattern)
    #expect(pattern.match(value) == .limitReached)
    #expect(pattern.match(value) == .limitReached)
    #expect(pattern.match("plain") != .limitReached)
  }

  @Test(arguments: ["error|warn|fatal", #"\b\w+@\w+\.com\b"#, "^(?:[a-z ]+)$", "(?i)TIMEOUT"])
  func `an ordinary pattern reads 64 KiB of text within the limit`(pattern: String) throws {
    let text = String(repeating: "some words of a log line ", count: 2_600)
    #expect(try RegexPattern(pattern).match(text) != .limitReached)
  }
}

@Suite struct CIDRTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
    ("10.1.2.3/8", "10.9.9.9", true), ("192.168.4.0/22", "192.168.7.255", true),
    ("192.168.4.0/22", "192.168.8.0", false), ("0.0.0.0/0", "203.0.113.9", true),
    ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false),
    ("10.0.0.1/32", "10.0.0.1", true),
    ("2001:db8::/32", "2001:DB8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
    ("::/0", "10.0.0.1", false), ("0.0.0.0/0", "::1", false), ("::ffff:0:0/96", "10.0.0.1", false),
    ("::1", "0:0:0:0:0:0:0:1", true), ("10.0.0.0/8", "", false), ("10.0.0.0/8", "10.0.0", false),
    ("10.0.0.0/8", "10.0.0.1/32", false), ("10.0.0.0/8", "10.0.0.1\u{0}x", false),
    ("10.0.0.0/8", " 10.0.0.1", false), ("10.0.0.0/9", "10.128.0.0", false),
  ])
  func `an address is inside or outside`(block: String, address: String, isInside: Bool) throws {
    #expect(try #require(CIDRBlock(block)).contains(address) == isInside)
  }

  @Test(arguments: [
    "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0/8", "::/129",
    "10.0.0.0/8/8", "host", "10.0.0.0/ 8", "256.0.0.0/8", "10.0.0.0\u{0}/8", "10.0.0.0/0008",
  ])
  func `what is no block is refused`(text: String) {
    #expect(CIDRBlock(text) == nil)
  }
}
