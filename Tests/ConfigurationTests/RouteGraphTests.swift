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
