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
  ])
  func `patterns are JavaScript-style and match anywhere`(
    pattern: String, value: String, matches: Bool
  ) throws {
    #expect(try RegexPattern(pattern).match(value) == (matches ? .yes : .no))
  }

  @Test(arguments: [
    #"(a)\1"#, #"(?<n>a)\k<n>"#, "(", "[a", "*a", "/a/q", "(?<n>", #"\C"#, "a{2,1}",
  ])
  func `a pattern that is wrong or refers back is refused`(pattern: String) {
    let error = #expect(throws: EngineError.self) { try RegexPattern(pattern) }
    #expect(error?.code == .invalid)
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
