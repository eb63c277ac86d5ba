import ProjectConfiguration
import Testing

/// A credential is hidden however a program writes it.
struct RedactorTests {
  private static let odd = "ab\"cd\\ef\t12/ü"

  @Test(arguments: [
    // As it is, as Swift, Python, Go and JavaScript write JSON, and as our own lines escape it.
    "ab\"cd\\ef\t12/ü", #"ab\"cd\\ef\t12/ü"#, #"ab\"cd\\ef\t12\/ü"#, #"ab\"cd\\ef\t12/\u00fc"#,
    #"ab\u0022cd\u005Cef\u000912/ü"#, #"ab"cd\ef\u{9}12/ü"#, #"ab"cd\ef\x0912/ü"#,
    // A text in a text in a text.
    #"ab\\\"cd\\\\ef\\t12/ü"#, #"ab\\\\\\\"cd\\\\\\\\ef\\\\t12/ü"#,
  ])
  func `a value is found in every way to write it`(_ text: String) {
    let redactor = Redactor([Self.odd])
    #expect(redactor.apply(text) == "***")
    #expect(redactor.apply(#"{"token":"\#(text)"}"#) == #"{"token":"***"}"#)
    #expect(redactor.apply("say \\n\(text)\\\"") == "say \\n***\\\"")
  }

  @Test(arguments: [
    (#"hunter2\"#, #"{"a":"hunter2\\"}"#, #"{"a":"***\\"}"#),
    (#"C:\new\bin"#, #""C:\\new\\bin""#, #""***""#), (#"C:\new\bin"#, #"C:\new\bin!"#, "***!"),
    ("nothing", #"\nothing"#, #"\***"#), ("😀smile", #"\ud83d\ude00smile"#, "***"),
    ("😀smile", #"\u{1f600}smile"#, "***"),
    ("value1", #"no such text\n \x \u12 \u{} \"#, #"no such text\n \x \u12 \u{} \"#),
    ("abcdef", "abcdeabcdefabcdef \\", "abcde****** \\"), ("abcabcabc", "abcabcabcabc", "***"),
  ])
  func `what surrounds it stays`(_ value: String, _ text: String, _ expected: String) {
    #expect(Redactor([value]).apply(text) == expected)
  }

  @Test func `each long line of a key is hidden alone, and those around it are not`() {
    let key = """
      -----BEGIN PRIVATE KEY-----
      MIIEvQIBADANBgkqhkiG9w0BAQEFAASC
        AQEA0vGxqJrTq3 \r
      short
      -----END PRIVATE KEY-----
      """
    let redactor = Redactor([key])
    #expect(redactor.apply(key) == "***")
    #expect(redactor.apply(key.replacing("\n", with: "\\n")) == "***")
    #expect(redactor.apply("at MIIEvQIBADANBgkqhkiG9w0BAQEFAASC") == "at ***")
    #expect(redactor.apply("at AQEA0vGxqJrTq3, short") == "at ***, short")
    #expect(redactor.apply("no -----END PRIVATE KEY-----") == "no -----END PRIVATE KEY-----")
  }

  @Test func `a short value is no reason to hide anything`() {
    #expect(Redactor(["short"]).apply("a short text") == "a short text")
    #expect(Redactor([]).apply("a\\nb") == "a\\nb")
  }
}
