import Engine
import ProjectConfiguration
import Testing

/// An entry is added as a person would add it, or not at all.
@Suite struct ListEditTests {
  private func edit(_ text: String, to key: String = "connectors") -> String? {
    ListEdit(Array(text.utf8))?.adding("c/new.yaml", to: key)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    // A list with dashes, comments kept, what follows untouched.
    (
      "a: 1\nconnectors: # ours\n  - c/a.yaml # first\n  # last\n\n# routes\nroutes: []\n",
      "a: 1\nconnectors: # ours\n  - c/a.yaml # first\n  - c/new.yaml\n  # last\n\n# routes\nroutes: []\n"
    ),
    ("connectors:\n- c/a.yaml\n- c/b.yaml", "connectors:\n- c/a.yaml\n- c/b.yaml\n- c/new.yaml\n"),
    (
      "connectors:\n  - sources:\n      - id: x\n        note: |\n          # no comment\n\nz: 1\n",
      "connectors:\n  - sources:\n      - id: x\n        note: |\n          # no comment\n\n  - c/new.yaml\nz: 1\n"
    ),
    // A list in brackets.
    ("connectors: []\n", "connectors: [c/new.yaml]\n"),
    ("connectors: [ ] # none\n", "connectors: [c/new.yaml ] # none\n"),
    ("connectors: [c/a.yaml]\nb: 1\n", "connectors: [c/a.yaml, c/new.yaml]\nb: 1\n"),
    ("connectors: [c/a.yaml, ]\n", "connectors: [c/a.yaml, c/new.yaml ]\n"),
    (
      "connectors: [\n  c/a.yaml, # ] one\n  \"c/[b], '.yaml\" # two\n]\n",
      "connectors: [\n  c/a.yaml, # ] one\n  \"c/[b], '.yaml\", c/new.yaml # two\n]\n"
    ),
    (
      "connectors: ['it''s [', {sources: [{id: \"a\\\"]\"}]}]",
      "connectors: ['it''s [', {sources: [{id: \"a\\\"]\"}]}, c/new.yaml]"
    ),
    (
      "{ metadata: { name: x }, connectors: [c/a.yaml] }",
      "{ metadata: { name: x }, connectors: [c/a.yaml, c/new.yaml] }"
    ),
    ("connectors: [it's/a.yaml]\n", "connectors: [it's/a.yaml, c/new.yaml]\n"),
    // No list yet.
    ("a: 1\n", "a: 1\n\nconnectors:\n  - c/new.yaml\n"),
    ("a: 1", "a: 1\n\nconnectors:\n  - c/new.yaml\n"),
    ("  a: 1\n  b: 2\n", "  a: 1\n  b: 2\n\n  connectors:\n    - c/new.yaml\n"),
    ("", "\nconnectors:\n  - c/new.yaml\n"),
    ("connectors: # soon\nb: 1\n", "connectors: # soon\n  - c/new.yaml\nb: 1\n"),
    ("a: 1\nconnectors:", "a: 1\nconnectors:\n  - c/new.yaml\n"),
    // Other line ends, other letters, a mark at the front.
    (
      "a: 1\r\nconnectors:\r\n  - c/a.yaml\r\nb: 2\r\n",
      "a: 1\r\nconnectors:\r\n  - c/a.yaml\r\n  - c/new.yaml\r\nb: 2\r\n"
    ),
    ("a: 1\r\n", "a: 1\r\n\r\nconnectors:\r\n  - c/new.yaml\r\n"),
    ("ä: é🎉\nconnectors: [ä.yaml]\n", "ä: é🎉\nconnectors: [ä.yaml, c/new.yaml]\n"),
    ("\u{FEFF}connectors: [a]\n", "\u{FEFF}connectors: [a, c/new.yaml]\n"),
    ("---\nconnectors:\n  - a\n...\n", "---\nconnectors:\n  - a\n  - c/new.yaml\n...\n"),
  ])
  func `an entry is added and the rest stays as it is`(text: String, expected: String) {
    #expect(edit(text) == expected)
  }

  @Test(arguments: [
    "connectors: 5", "connectors: { a: 1 }", "connectors: ~", "connectors: null\n", "a: [",
    "[1, 2]", "x: &l [a]\nconnectors: *l\n", "{ a: 1 }", "a: 1\n...\n",
    "connectors:\n  -\n    - a\n  -\n    - b\n", "a: |+\n  text\n\n",
    "base: &b { connectors: [a] }\n<<: *b\n",
  ])
  func `a layout that is not understood is left alone`(text: String) throws {
    // Nothing, or something that says what was meant and keeps all else.
    guard let result = edit(text) else { return }
    #expect(result.contains("c/new.yaml"))
    #expect(edit(result) != result)
  }

  @Test func `whatever is added can be added to again`() throws {
    var text = "metadata: { name: x } # a\n"
    for _ in 0..<5 {
      text = try #require(edit(text))
      text = try #require(edit(text, to: "loggers"))
    }
    #expect(text.hasPrefix("metadata: { name: x } # a\n"))
    #expect(text.split(separator: "\n").count == 13)
  }
}
