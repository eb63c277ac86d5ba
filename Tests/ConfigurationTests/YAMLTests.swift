import Engine
import ProjectConfiguration
import Testing
import TestSupport

/// What a hostile or damaged file gets: one clean error with its place (reliability.md 4, Y1-Y3).
struct YAMLTests {
  private func errors(_ text: String) throws -> [String] {
    try TestProject(["orgloop.yaml": text]).load().diagnostics
      .filter { $0.level == .error }.map(\.description)
  }

  @Test func `all that is wrong with single values of a file is told at once`() throws {
    let text = """
      a: !wrong x
      b: 99999999999999999999
      c: 1
      c: 2
      d: *nowhere
      e: !!int word
      base: &base { x: 1 }
      f: { <<: *base, <<: *base }
      g: [

      """
    #expect(
      try errors(text) == [
        "orgloop.yaml:1:4: error[yaml.syntax] unknown tag !wrong",
        "orgloop.yaml:2:4: error[yaml.syntax] 99999999999999999999 does not fit in 64 bits; quote "
          + "it to mean text",
        "orgloop.yaml:4:1: error[yaml.duplicate-key] key \"c\" is already at 3:1",
        "orgloop.yaml:5:4: error[yaml.syntax] alias \"nowhere\" has no anchor before it",
        "orgloop.yaml:6:4: error[yaml.syntax] \"word\" does not fit its tag !!int",
        "orgloop.yaml:8:17: error[yaml.duplicate-key] key \"<<\" is already at 8:6; give it a list "
          + "of maps",
        "orgloop.yaml:10:1: error[yaml.syntax] did not find expected node content (while parsing a "
          + "flow node)",
      ])
  }

  @Test func `of one file no more than twenty faults are told`() throws {
    let text = (0..<100).map { "k\($0): !wrong x\n" }.joined()
    #expect(try errors(text).count == 20)
  }

  @Test func `an alias bomb is refused`() throws {
    var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    for level in 1...9 {
      let inner = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
      text += "a\(level): &a\(level) [\(inner)]\n"
    }
    #expect(
      try errors(text) == [
        "orgloop.yaml:5:38: error[yaml.syntax] more than 100000 values, aliases expanded"
      ])
  }

  @Test func `an alias bomb used as a key is refused`() throws {
    #expect(
      try errors("a: &a [x]\n? *a\n: y\n") == [
        "orgloop.yaml:2:3: error[yaml.syntax] alias \"a\" is not text that could be a key"
      ])
  }

  @Test(arguments: ["[", "{a: ", "- ", "? "])
  func `deep nesting is refused`(_ opener: String) throws {
    let found = try errors("x:\n  " + String(repeating: opener, count: 100_000))
    #expect(found.count == 1)
    #expect(found.first?.contains("error[yaml.syntax]") ?? false)
  }

  @Test func `32 levels are allowed and 33 are not`() throws {
    func nested(_ depth: Int) -> String {
      header + "x: " + String(repeating: "[", count: depth - 1)
        + String(repeating: "]", count: depth - 1)
    }
    #expect(try errors(nested(32)) == [])
    #expect(
      try errors(nested(33)) == [
        "orgloop.yaml:4:35: error[yaml.syntax] nested deeper than 32 levels"
      ])
  }

  @Test func `nesting through aliases counts too`() throws {
    var text = "a0: &a0 [x]\n"
    for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
    #expect(
      try errors(text) == [
        "orgloop.yaml:31:12: error[yaml.syntax] nested deeper than 32 levels"
      ])
  }

  @Test func `more than 100000 values are refused`() throws {
    let found = try errors("x:\n" + String(repeating: "- 1\n", count: 100_000))
    #expect(
      found == [
        "orgloop.yaml:99999:3: error[yaml.syntax] more than 100000 values, aliases expanded"
      ])
  }

  @Test func `a file larger than 1 MiB is refused`() throws {
    let found = try errors(String(repeating: "# comment line\n", count: 70_000))
    #expect(
      found == [
        "orgloop.yaml:1:1: error[yaml.syntax] orgloop.yaml: the file is larger than 1 MiB"
      ])
  }

  @Test(arguments: [
    (
      "a: 1\nb: 2\na: 3\n",
      "orgloop.yaml:3:1: error[yaml.duplicate-key] key \"a\" is already at 1:1"
    ),
    (
      "a: 1\n---\nb: 2\n",
      "orgloop.yaml:2:1: error[yaml.syntax] a second document: one file holds one document"
    ),
    ("a: !!python/none x\n", "orgloop.yaml:1:4: error[yaml.syntax] unknown tag !!python/none"),
    ("a: !!binary eA==\n", "orgloop.yaml:1:4: error[yaml.syntax] unknown tag !!binary"),
    ("a: !mine {b: 1}\n", "orgloop.yaml:1:4: error[yaml.syntax] unknown tag !mine"),
    ("a: !!int x\n", "orgloop.yaml:1:4: error[yaml.syntax] \"x\" does not fit its tag !!int"),
    (
      "a:\n\tb: 1\n",
      "orgloop.yaml:2:1: error[yaml.syntax] a tab stands where only blanks may: "
        + "indent with spaces"
    ),
    (
      "a: &x [*x]\n",
      "orgloop.yaml:1:8: error[yaml.syntax] alias \"x\" stands inside the value that it names"
    ),
    ("a: *x\n", "orgloop.yaml:1:4: error[yaml.syntax] alias \"x\" has no anchor before it"),
    (
      "a: 9223372036854775808\n",
      "orgloop.yaml:1:4: error[yaml.syntax] 9223372036854775808 does not fit in 64 bits; "
        + "quote it to mean text"
    ),
    (
      "a: .inf\n",
      "orgloop.yaml:1:4: error[yaml.syntax] .inf is not a number that can be used; "
        + "quote it to mean text"
    ),
    ("a: \"b\\0c\"\n", "orgloop.yaml:1:4: error[yaml.syntax] a NUL character in a text"),
    ("<<: 5\n", "orgloop.yaml:1:1: error[yaml.syntax] << takes a map or a list of maps"),
    (
      "[a]: 1\n",
      "orgloop.yaml:1:1: error[yaml.syntax] a key must be text, not a list or a map"
    ),
    (
      "a: [1\n",
      "orgloop.yaml:2:1: error[yaml.syntax] did not find expected ',' or ']' "
        + "(while parsing a flow sequence)"
    ),
  ])
  func `what is no good YAML is located`(_ text: String, _ line: String) throws {
    #expect(try errors(text) == [line])
  }

  @Test func `bytes that are no text are refused where they stand`() throws {
    let project = try TestProject()
    try project.write("orgloop.yaml", Array("kind: Project\nx: ä".utf8) + [0xFF, 0x0A])
    #expect(project.load().lines == ["orgloop.yaml:2:5: error[yaml.syntax] the file is not UTF-8"])
    try project.write("orgloop.yaml", Array("kind: Pro".utf8) + [0x00])
    #expect(
      project.load().lines == [
        "orgloop.yaml:1:10: error[yaml.syntax] a control character: this is not a text file"
      ])
  }

  @Test func `a directory or a pipe in place of a file is refused`() throws {
    let project = try TestProject(["orgloop.yaml": header + "connectors: [groups]\n"])
    try project.makeDirectory("groups")
    #expect(
      project.load().lines == [
        "orgloop.yaml:4:14: error[file.missing] groups: not a regular file"
      ])
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `no damage to a file stops the loader from giving an answer`(_ seed: UInt64) throws {
    let good = Array(
      routed(
        then: "then: { actor: chat, config: { a: \"${A:-b} {{ params.x }}\" }, delivery: { "
          + "max_rate: 1.5/s, timeout: 1m30s, retry: { jitter: 0.5 } } }"
      ).utf8)
    let pieces = [
      "{", "}", "[", "]", "&a ", "*a", "- ", ": ", "\n", "\"", "${", "<<", "!!", "9", "\t",
    ]
    var generator = SplitMix64(seed: seed)
    let project = try TestProject()
    for _ in 0..<100 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        if Bool.random(using: &generator) {
          bytes.remove(at: place)
        } else {
          let piece = pieces[Int.random(in: 0..<pieces.count, using: &generator)]
          bytes.insert(contentsOf: Array(piece.utf8), at: place)
        }
      }
      try project.write("orgloop.yaml", bytes)
      let loaded = project.load()
      #expect(loaded.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 })
      #expect(loaded.hasErrors || loaded.modules.count == 1, "\(loaded.lines)")
    }
  }

  @Test func `scalars follow the core schema`() throws {
    let config = """
      {yes: yes, no: no, on: on, date: 2026-03-04, time: 12:30:00, octal: 0o17, hex: 0xff,
       exponent: 1e3, tilde: ~, quoted: "5", truth: true, zeros: 007, point: .5,
       big: 9223372036854775807,
       exact: 1.10, forced: !!str 5}
      """
    let loaded = try TestProject([
      "orgloop.yaml": routed(then: "then: { actor: chat, config: \(config) }")
    ]).load()
    #expect(loaded.lines == [])
    let got = try #require(loaded.module("default")?.routes.first?.config)
    #expect(
      JSONText(.object(got)).description
        == #"{"yes":"yes","no":"no","on":"on","date":"2026-03-04","time":"12:30:00","octal":15,"#
        + #""hex":255,"exponent":1000,"tilde":null,"quoted":"5","truth":true,"zeros":7,"#
        + #""point":0.5,"big":9223372036854775807,"exact":1.10,"forced":"5"}"#)
  }

  @Test func `anchors, merge keys, a byte-order mark and CRLF work`() throws {
    let text =
      "\u{FEFF}" + header + """
        sources: [{ id: hook, connector: webhook }]
        actors:
          - &base { id: chat, connector: webhook, config: { url: "http://a.example" } }
          - { <<: *base, id: other }
        routes:
          - { name: a, when: { source: hook }, then: { actor: chat } }
          - { name: b, when: { source: hook }, then: { actor: other } }
        """
    let loaded = try TestProject([
      "orgloop.yaml": text.replacing("\n", with: "\r\n")
    ]).load()
    #expect(loaded.lines == [])
    #expect(loaded.module("default")?.actors.map(\.id) == ["chat", "other"])
    #expect(
      loaded.module("default")?.actors.last?.config["url"] == .string("http://a.example"))
  }
}
