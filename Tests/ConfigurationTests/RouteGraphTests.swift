import Engine
import ProjectConfiguration
import Testing

/// What `orgloop routes` shows (cli-http.md 2.1).
struct RouteGraphTests {
  /// Two modules that share a source and an actor, and one that listens to what is not there.
  private func project() throws -> LoadedProject {
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources:
          - { id: github, connector: webhook, description: "For ${WHO}", config: { path: /gh } }
          - { id: idle, connector: webhook, enabled: false }
        actors:
          - { id: agent, connector: webhook, config: { url: "http://${WHO}/" } }
          - { id: spare, connector: openclaw }
        transforms: [{ name: quiet, type: filter }]
        routes:
          - name: audit
            when: { source: [github, orgloop], filter: { payload.by: "${WHO}", payload.n: [1, 2] } }
            then: { actor: agent }
        modules: [{ package: ./review, params: { from: github, to: agent } }, ./watch]

        """,
      "review/orgloop-module.yaml": """
      kind: Module
      metadata: { name: review }
      params: { from: { type: source }, to: { type: actor } }
      transforms: [{ name: polite, type: filter }]
      routes:
        - name: comments
          description: Answers comments
          when: { source: "{{ params.from }}", events: [message.received, resource.changed] }
          transforms: [polite]
          then: { actor: "{{ params.to }}", config: { token: "${TOKEN}" } }
      """,
      "watch/orgloop-module.yaml": """
      kind: Module
      metadata: { name: watch }
      actors: [{ id: pager, connector: openclaw }]
      routes:
        - { name: ops, when: { source: "other:alarm" }, then: { actor: pager }, enabled: false }
        - { name: follow, when: { source: pager }, then: { actor: pager } }
      """,
    ])
    return project.load(environment: ["WHO": "acme.example", "TOKEN": "s3cret-value"])
  }

  @Test func `the graph as text`() throws {
    #expect(
      RouteGraph(try project()).text == """
        ops

        default (ops)
          github (webhook)
            audit → agent if {"payload.by":"${WHO}","payload.n":[1,2]}
            review: comments → default:agent [resource.changed, message.received] via polite \
        (cross-module)
          idle (webhook, disabled)
            no route
          orgloop (the runtime's own events)
            audit → agent if {"payload.by":"${WHO}","payload.n":[1,2]}

        review
          no source

        watch
          pager (answers of an actor)
            follow → pager

        other (not in this project)
          alarm
            watch: ops → pager (cross-module, disabled)
        """)
  }

  @Test func `the graph as a document`() throws {
    let json = RouteGraph(try project()).json
    #expect(
      json["edges"]?.array?[2] == [
        "route": "comments", "module": "review", "description": "Answers comments",
        "source": "default:github", "actor": "default:agent",
        "events": ["resource.changed", "message.received"], "transforms": ["polite"],
      ])
    #expect(
      json["edges"]?.array?.first == [
        "route": "audit", "module": "default", "source": "github", "actor": "agent",
        "events": ["resource.changed", "actor.stopped", "message.received"],
        "filter": ["payload.by": "${WHO}", "payload.n": [1, 2]], "transforms": [],
      ])
    #expect(
      json["edges"]?.array?.map { $0["source"]?.string } == [
        "github", "orgloop", "default:github", "other:alarm", "pager",
      ])
    var document = json.object ?? [:]
    document["edges"] = nil
    #expect(
      JSONValue.object(document) == [
        "project": "ops",
        "sources": [
          [
            "id": "github", "module": "default", "connector": "webhook",
            "description": "For ***",
          ],
          ["id": "idle", "module": "default", "connector": "webhook", "enabled": false],
        ],
        "actors": [
          ["id": "agent", "module": "default", "connector": "webhook"],
          ["id": "spare", "module": "default", "connector": "openclaw"],
          ["id": "pager", "module": "watch", "connector": "openclaw"],
        ],
        "transforms": [
          ["id": "quiet", "module": "default", "type": "filter"],
          ["id": "polite", "module": "review", "type": "filter"],
        ],
        "warnings": [
          [
            "kind": "unreachable-actor", "id": "spare",
            "message": "actor \"spare\" is used by no route",
          ],
          [
            "kind": "orphan-transform", "id": "quiet",
            "message": "transform \"quiet\" is used by no route",
          ],
        ],
      ])
  }

  @Test func `nothing that a variable holds is shown`() throws {
    let graph = RouteGraph(try project())
    for value in ["acme.example", "s3cret-value"] {
      #expect(!graph.text.contains(value))
      #expect(!JSONText(graph.json).description.contains(value))
    }
  }

  @Test func `a project without routes has lists all the same`() throws {
    let project = try TestProject(["orgloop.yaml": "modules: []\n"]).load()
    #expect(
      RouteGraph(project).json == [
        "project": "default", "sources": [], "actors": [], "transforms": [], "edges": [],
        "warnings": [],
      ])
    #expect(RouteGraph(project).text == "default")
  }
}

/// The graph for Graphviz.
struct DotTests {
  /// Reads what `RouteGraph.dot` writes: statements of identifiers, quoted texts and punctuation.
  private struct DotReader {
    var nodes: [String: [String: String]] = [:]
    var edges: [(from: String, to: String, attributes: [String: String])] = []
    var clusters: [String] = []

    struct Malformed: Error { let at: String }

    init(_ text: String) throws {
      var rest = Substring(text)
      func skip() { rest = rest.drop { $0.isWhitespace || $0 == ";" } }
      func token() throws -> String {
        skip()
        guard let first = rest.first else { return "" }
        if first == "\"" {
          var value = ""
          rest.removeFirst()
          while let next = rest.popFirst() {
            if next == "\"" { return value }
            guard next != "\n" else { break }
            if next == "\\", let escaped = rest.popFirst() {
              value += escaped == "n" ? "\n" : String(escaped)
            } else {
              value.append(next)
            }
          }
          throw Malformed(at: value)
        }
        if rest.hasPrefix("->") {
          rest = rest.dropFirst(2)
          return "->"
        }
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        if word.isEmpty { return String(rest.removeFirst()) }
        rest = rest.dropFirst(word.count)
        return String(word)
      }
      func attributes() throws -> [String: String] {
        skip()
        guard rest.first == "[" else { return [:] }
        var found: [String: String] = [:]
        rest.removeFirst()
        while true {
          let key = try token()
          if key == "]" { return found }
          if key == "," { continue }
          guard try token() == "=" else { throw Malformed(at: key) }
          found[key] = try token()
        }
      }
      guard try token() == "digraph" else { throw Malformed(at: "digraph") }
      _ = try token()
      var depth = 0
      repeat {
        let word = try token()
        switch word {
        case "{": depth += 1
        case "}": depth -= 1
        case "": throw Malformed(at: "the end")
        case "subgraph": clusters.append(try token())
        case "node", "edge": _ = try attributes()
        default:
          skip()
          if rest.hasPrefix("->") {
            _ = try token()
            edges.append((word, try token(), try attributes()))
          } else if rest.first == "=" {
            _ = try token()
            _ = try token()
          } else {
            nodes[word] = try attributes()
          }
        }
      } while depth > 0
      skip()
      guard rest.isEmpty else { throw Malformed(at: String(rest)) }
    }
  }

  @Test func `names are labels, whatever is in them`() throws {
    let name = #"a "b" \ c\n<d> -> {e}; [f]"#
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: hook, connector: webhook }]
        actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example" } }]
        transforms: [{ name: "t\\" ]", type: filter }]
        routes:
          - { name: '\(name)', when: { source: hook, events: [message.received] }, transforms: ['t" ]'], then: { actor: chat } }
          - { name: off, enabled: false, when: { source: "other:x" }, then: { actor: chat } }
          - { name: answers, when: { source: chat }, then: { actor: chat } }
          - { name: own, when: { source: orgloop }, then: { actor: chat } }

        """
    ])
    let graph = RouteGraph(project.load())
    let read = try DotReader(graph.dot)
    let labels = read.nodes.mapValues { $0["label"] ?? "" }
    #expect(
      Set(labels.values) == ["hook\nwebhook", "chat\nwebhook", "other:x", "orgloop"],
      "\(graph.dot)")
    #expect(read.clusters == ["cluster_0"])
    #expect(
      read.edges.map { [labels[$0.from], labels[$0.to], $0.attributes["label"]] } == [
        ["hook\nwebhook", "chat\nwebhook", name + "\n[message.received]\nvia t\" ]"],
        ["other:x", "chat\nwebhook", "off"], ["chat\nwebhook", "chat\nwebhook", "answers"],
        ["orgloop", "chat\nwebhook", "own"],
      ])
    #expect(read.edges.map { $0.attributes["style"] } == [nil, "dashed", nil, nil])
  }

  @Test func `modules are clusters, and edges may lead from one to another`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: hook, connector: webhook }]
        modules: [{ package: ./m, params: { s: hook } }]

        """,
      "m/orgloop-module.yaml": """
      kind: Module
      metadata: { name: m }
      params: { s: { type: source } }
      actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example" } }]
      routes: [{ name: r, when: { source: "{{ params.s }}" }, then: { actor: chat } }]
      """,
    ])
    let read = try DotReader(RouteGraph(project.load()).dot)
    #expect(read.clusters == ["cluster_0", "cluster_1"])
    #expect(read.edges.count == 1)
    #expect(read.nodes.count == 2)
  }
}
