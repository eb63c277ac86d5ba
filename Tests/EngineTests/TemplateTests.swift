import Engine
import Testing

@Suite struct TemplateTests {
  private let event = json(
    """
    {"id":"evt_1","source":"github","payload":{"n":12,"f":1.50,"b":true,"s":"he said \\"hi\\"\\n",
    "none":null,"list":[1, {"a": "x"}],"braces":"{{ payload.n }}","a.b":"dotted","x y":"spaced"},"module":"m"}
    """)

  private func render(_ config: JSONObject) throws -> JSONObject {
    try CompiledTemplate(config).render(
      event: event, now: 1_772_600_767_089, route: "r1", deliveryID: "dlv_9")
  }

  @Test(arguments: [
    ("plain", "plain"), ("{{ payload.n }}", "12"), ("{{payload.n}}", "12"),
    ("{{\tpayload.n }}", "12"), ("#{{ payload.n }}!", "#12!"), ("{{ payload.f }}", "1.50"),
    ("{{ payload.b }}", "true"), ("{{ payload.s }}", "he said \"hi\"\n"),
    ("{{ payload.list }}", #"[1,{"a":"x"}]"#), ("{{ payload.list.1.a }}", "x"),
    ("{{ payload.list.length }}", "2"), ("{{ payload.none }}", ""), ("{{ payload.gone }}", ""),
    ("[{{ gone }}]", "[]"), ("{{ event.payload.n }}", "12"), (#"{{ payload.a\.b }}"#, "dotted"),
    ("{{ now }}", "2026-03-04T05:06:07.089Z"), ("{{ route }}", "r1"),
    ("{{ delivery_id }}", "dlv_9"),
    ("{{ source }}/{{ id }}", "github/evt_1"), (#"\{{ payload.n }}"#, "{{ payload.n }}"),
    (#"\{{x}} {{ payload.n }}"#, "{{x}} 12"), ("{{ payload.n", "{{ payload.n"), ("{{ }}", "{{ }}"),
    ("{{}}", "{{}}"), ("{{ payload.x y }}{{ payload.n }}", "spaced12"),
    ("{{ n | up }}", "{{ n | up }}"), ("{{ f() }}", "{{ f() }}"),
    ("{ {payload.n} }", "{ {payload.n} }"), ("}} {{ payload.n }}", "}} 12"),
    ("é{{ payload.n }}é", "é12é"),
    ("{{ payload.braces }}", "{{ payload.n }}"), ("\\", "\\"), ("{", "{"), ("", ""),
  ])
  func `a string is filled in from the event`(template: String, result: String) throws {
    #expect(try render(["text": .string(template)]) == ["text": .string(result)])
  }

  @Test(arguments: [
    ("session_key", "unknown"), ("thread_id", "unknown"), ("dedup_key", "unknown"),
    ("key", ""), ("keys", ""), ("session_key_x", ""), ("text", ""), ("id", ""),
  ])
  func `a gap in a key is a word, elsewhere nothing`(field: String, gap: String) throws {
    for template in ["{{ payload.none }}", "{{ payload.gone }}"] {
      #expect(try render([field: .string(template)])[field] == .string(gap))
      #expect(try render([field: .string("pr-\(template)")])[field] == .string("pr-\(gap)"))
      #expect(try render(["a": [field: [.string(template)]]])["a"]?[field]?.array == [.string(gap)])
      #expect(try render([field: ["text": .string(template)]])[field]?["text"] == "")
    }
  }

  @Test func `strings at any depth are filled in and everything else stays`() throws {
    let config: JSONObject = [
      "z": 1, "a": ["{{ payload.n }}", 2, ["deep": ["x {{ route }}", nil, false]]],
      "{{ route }}": "{{ route }}", "m": ["k": "v"],
    ]
    let result = try render(config)
    #expect(
      JSONText(.object(result)).description
        == #"{"z":1,"a":["12",2,{"deep":["x r1",null,false]}],"{{ route }}":"r1","m":{"k":"v"}}"#)
  }

  @Test func `a configuration without placeholders is handed on as it is`() throws {
    let config: JSONObject = ["a": ["b", 1, ["c": "{ }"]], "n": nil]
    #expect(!CompiledTemplate(config).isInterpolated)
    #expect(try render(config) == config)
    #expect(CompiledTemplate(["a": [["b": "{{ now }}"]]]).isInterpolated)
    #expect(try render(["a": [[#"\{{"#]]]) == ["a": [["{{"]]])
  }

  @Test func `text from an event is never expanded, even across two values`() throws {
    let event = json(#"{"a":"{{ ","b":" secret }}","secret":"S"}"#)
    let result = try CompiledTemplate(["t": "{{ a }}{{ b }}"]).render(
      event: event, now: 0, route: "r", deliveryID: "d")
    #expect(result["t"] == "{{  secret }}")
  }

  @Test func `a result may have 256 KiB and not more`() throws {
    let room = CompiledTemplate.outputBytesMax - "t".utf8.count
    func render(_ count: Int, times: Int = 1) throws -> JSONObject {
      let event = JSONText(["p": .string(String(repeating: "x", count: count))])
      let text = String(repeating: "{{ p }}", count: times)
      return try CompiledTemplate(["t": .string(text)]).render(
        event: event, now: 0, route: "r", deliveryID: "d")
    }
    #expect(try render(room)["t"]?.string?.utf8.count == room)
    let error = #expect(throws: EngineError.self) { try render(room + 1) }
    #expect(error?.code == .invalid)
    #expect(throws: EngineError.self) { try render(1 << 20, times: 1_000) }
  }
}

@Suite struct PromptTests {
  @Test(
    arguments: [
      ("---\na: 1\n---\nBody\n", "a: 1\n", "Body\n"),
      ("---\r\na: 1\r\n---\r\nBody", "a: 1\r\n", "Body"),
      ("--- \t\na: 1\n---  \nBody", "a: 1\n", "Body"), ("---\n---\nBody", "", "Body"),
      ("---\na: 1\n---", "a: 1\n", ""), ("---\na: 1\n---\n", "a: 1\n", ""),
      ("---\n: [not yaml\n---\nBody", ": [not yaml\n", "Body"),
      ("---\na\n---\nx\n---\ny", "a\n", "x\n---\ny"), ("---\na\n----\n---\nx", "a\n----\n", "x"),
      ("---\na\n ---\n---\nx", "a\n ---\n", "x"), ("\u{FEFF}---\na\n---\nx", "a\n", "x"),
      ("Body", nil, "Body"), ("", nil, ""), ("---", nil, "---"), ("---\n", nil, "---\n"),
      ("---\na: 1\nBody", nil, "---\na: 1\nBody"), ("\n---\na\n---\n", nil, "\n---\na\n---\n"),
      ("----\na\n---\n", nil, "----\na\n---\n"), (" ---\na\n---\n", nil, " ---\na\n---\n"),
      ("--- x\na\n---\n", nil, "--- x\na\n---\n"), ("---\r\n\r\n---\r\n\r\nx", "\r\n", "\r\nx"),
      ("\u{FEFF}Body", nil, "Body"), ("---\né\n---\nü", "é\n", "ü"),
    ] as [(String, String?, String)])
  func `front matter is cut off at its delimiters`(
    text: String, frontMatter: String?, body: String
  ) {
    let split = PromptText.split(text)
    #expect(split.frontMatter.map { Array($0.utf8) } == frontMatter.map { Array($0.utf8) })
    #expect(Array(split.body.utf8) == Array(body.utf8))
  }
}
