import Engine
import ProjectConfiguration
import Testing

/// Variables: where they come from, what they become, and that nobody sees them.
struct SubstitutionTests {
  private func config(
    _ text: String, environment: [String: String] = [:], dotEnv: String = ""
  ) throws -> (value: JSONValue?, loaded: LoadedProject) {
    let project = try TestProject([
      "orgloop.yaml": routed(then: "then: { actor: chat, config: { x: \"\(text)\" } }"),
      ".env": dotEnv,
    ])
    let loaded = project.load(environment: environment)
    return (loaded.module("default")?.routes.first?.config["x"], loaded)
  }

  @Test(arguments: [
    ("${A}", "one"), ("<${A}-${A}>", "<one-one>"), ("${NO:-else}", "else"), ("${E:-else}", "else"),
    ("${E}", ""), ("${A:-else}", "one"), ("$${A}", "${A}"), ("$A", "$A"), ("a $ b", "a $ b"),
    ("${N}", "${A}"), ("${NO:-}", ""), ("{{ payload.x }} ${A}", "{{ payload.x }} one"),
  ])
  func `a variable is replaced in one pass`(_ text: String, _ expected: String) throws {
    let environment = ["A": "one", "E": "", "N": "${A}"]
    let found = try config(text, environment: environment)
    #expect(found.loaded.lines == [])
    #expect(found.value == .string(expected))
  }

  @Test(arguments: [
    ("A=1", "1"), ("  A =  two words ", "two words"), ("export A=x", "x"), ("A=\"q'\"", "q'"),
    ("A='q'", "q"), ("A=a=b", "a=b"), ("# A=no\nA=yes # kept", "yes # kept"), ("A=x\nA=y", "y"),
    ("A=\"", "\""), ("A=a\\nb", "a\\nb"),
    ("\u{FEFF}A=mark", "mark"), ("A=1\r\nB=2\r\n", "1"), ("A=x # no comment", "x # no comment"),
    ("A=\"x", "\"x"), ("A=a\u{2028}b\u{85}c", "a\u{2028}b\u{85}c"), ("export\tA=tab", "tab"),
    ("A=a\u{0B}B=b\r\n", "a\u{0B}B=b"), ("exported=no\nA=1", "1"),
  ])
  func `a line of .env`(_ line: String, _ expected: String) throws {
    #expect(try config("${A}", dotEnv: line).value == .string(expected))
  }

  @Test func `the environment wins over .env`() throws {
    #expect(try config("${A}", environment: ["A": "env"], dotEnv: "A=file").value == "env")
  }

  @Test func `keys are never replaced`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed(then: "then: { actor: chat, config: { \"${A}\": 1 } }")
    ])
    let loaded = project.load(environment: ["A": "x"])
    #expect(loaded.module("default")?.routes.first?.config.keys == ["${A}"])
  }

  @Test func `a number and a boolean may come from a variable`() throws {
    let text =
      header + """
        runtime: { http: { port: "${PORT}" }, control: { tcp: "${TCP}", token: "${TOKEN}" } }
        """
    let project = try TestProject(["orgloop.yaml": text])
    let good = project.load(
      environment: ["PORT": "4900", "TCP": "true", "TOKEN": "0123456789abcdef"])
    #expect(good.lines == [])
    #expect(good.settings.port == 4_900)
    #expect(good.settings.controlOverTCP)
    let bad = project.load(
      environment: ["PORT": "http", "TCP": "yes", "TOKEN": "0123456789abcdef"])
    #expect(
      bad.lines == [
        "orgloop.yaml:4:26: error[key.type] runtime.http.port: must be a whole number, "
          + "not a string",
        "orgloop.yaml:4:55: error[key.type] runtime.control.tcp: must be true or false, "
          + "not a string; write true",
      ])
  }

  @Test func `text is no number when it stands in the file`() throws {
    let loaded = try TestProject(["orgloop.yaml": header + "runtime: { http: { port: \"1\" } }"])
      .load()
    #expect(
      loaded.lines == [
        "orgloop.yaml:4:26: error[key.type] runtime.http.port: must be a whole number, "
          + "not a string"
      ])
  }

  @Test func `no value of a variable is shown or stored`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources:
          - id: gh
            connector: github
            config: { repo: acme/api, token: "${TOKEN}", events: [] }
        actors:
          - id: chat
            connector: webhook
            config: { url: "https://chat.example/${PART}", headers: { X-Key: "${KEY}" } }
        routes:
          - name: r
            when: { source: gh, filter: { payload.key: "${KEY}" } }
            then: { actor: chat, config: { auth: "Bearer ${TOKEN}", password: hunter22 } }
        """
    ])
    let environment = ["TOKEN": "ghp_secret", "PART": "T0/B0/xyz", "KEY": "kkkkkkkk"]
    let loaded = project.load(environment: environment)
    #expect(loaded.diagnostics.map(\.code) == ["env.literal-secret"])
    let module = try #require(loaded.module("default"))
    #expect(module.sources.first?.config["token"] == "ghp_secret")
    #expect(module.routes.first?.filter.entries.first?.shown == #""${KEY}""#)
    let shown = JSONText(try #require(loaded.shown["default"])).description
    for value in Array(environment.values) + ["hunter22"] {
      #expect(loaded.secrets.contains(value))
      #expect(!module.documents.description.contains(value))
      #expect(!shown.contains(value))
    }
    #expect(!"\(loaded)\(String(reflecting: loaded))".contains("ghp_secret"))
    #expect(shown.contains("Bearer ***"))
    #expect(shown.contains("https://chat.example/***"))
    #expect(loaded.redacting("sent ghp_secret to T0/B0/xyz") == "sent *** to ***")
  }

  @Test func `an error does not repeat the value of a variable`() throws {
    let text = routed().replacing("http://chat.example", with: "ftp://${HOST}")
    let loaded = try TestProject(["orgloop.yaml": text]).load(environment: ["HOST": "secret1"])
    #expect(
      loaded.lines == [
        "orgloop.yaml:5:57: error[connector.config] url: must begin with http:// or https://"
      ])
    let actor = try TestProject(["orgloop.yaml": routed(then: "then: { actor: \"${WHO}\" }")])
      .load(environment: ["WHO": "chatt"])
    #expect(
      actor.lines.first
        == #"orgloop.yaml:9:20: error[ref.actor] then.actor: no actor "***" in module default"#
        + #"; did you mean "chat"?"#)
  }

  @Test func `a literal credential is neither shown nor stored, but a change shows`() throws {
    func load(_ secret: String) throws -> LoadedProject {
      try TestProject([
        "orgloop.yaml": routed().replacing(
          "{ id: hook, connector: webhook }",
          with: "{ id: hook, connector: webhook, config: { secret: [\(secret), abc] } }")
      ]).load()
    }
    let one = try load("literal-one")
    let two = try load("literal-two")
    #expect(one.diagnostics.map(\.code) == ["env.literal-secret", "env.literal-secret"])
    let module = try #require(one.module("default"))
    #expect(module.sources.first?.config["secret"] == ["literal-one", "abc"])
    #expect(module.documents.description.contains(#""secret":["***","***"]"#))
    #expect(
      JSONText(try #require(one.shown["default"])).description.contains(
        #""secret":["***","***"]"#))
    #expect(module.contentHash != two.module("default")?.contentHash)
  }

  @Test func `every use of a variable is listed with its source and not its value`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        loggers:
          - { name: "${A}${B}", type: console }
          - { name: "${C:-else}", type: console }
          - { name: "${D}", type: console }
        """,
      ".env": "B=two\n",
    ])
    let uses = project.load(environment: ["A": "one"]).variables
    #expect(uses.map(\.name) == ["A", "B", "C", "D"])
    #expect(uses.map(\.source) == [.environment, .dotEnv, .defaultText, .unset])
    #expect(uses.map(\.defaultText) == [nil, nil, "else", nil])
    #expect(uses.map(\.origin.line) == [5, 5, 6, 7])
  }

  @Test func `a changed secret changes the hash and nothing else in the documents`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed(then: "then: { actor: chat, config: { x: \"${A}\" } }")
    ])
    let one = try #require(project.load(environment: ["A": "first1"]).module("default"))
    let same = try #require(
      project.load(environment: ["A": "first1", "B": "x"]).module("default"))
    let two = try #require(project.load(environment: ["A": "second"]).module("default"))
    #expect(one.contentHash == same.contentHash)
    #expect(one.contentHash != two.contentHash)
    #expect(one.contentHash.count == 64)
    let documents = DotPath(keys: ["documents"])
    #expect(one.documents.value(at: documents) == two.documents.value(at: documents))
  }
}
