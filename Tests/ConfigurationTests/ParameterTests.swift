import Engine
import ProjectConfiguration
import Testing

/// What a module's parameters bring in, and what is said of wrong ones (config.md 10.3).
struct ParameterTests {
  @Test func `a wrong id wired in by a parameter is told where it is given`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: door, connector: webhook }]
        actors: [{ id: agent, connector: openclaw }]
        routes: [{ name: r, when: { source: door }, then: { actor: agent } }]
        modules: [{ package: ./m, params: { from: dor, to: agnt } }]

        """,
      "m/orgloop-module.yaml": """
      kind: Module
      apiVersion: orgloop/v1alpha1
      metadata: { name: m }
      params: { from: { type: source }, to: { type: actor } }
      routes:
        - name: r
          when: { source: "{{ params.from }}" }
          then: { actor: "{{ params.to }}" }
      """,
    ])
    #expect(
      project.load().lines == [
        "orgloop.yaml:7:43: error[ref.source] when.source: no source \"dor\" in module m or the boot "
          + "project; did you mean \"door\"?",
        "orgloop.yaml:7:52: error[ref.actor] then.actor: no actor \"agnt\" in module m or the boot "
          + "project; did you mean \"agent\"?",
      ])
  }

  @Test func `what is shown of a parameter has its type`() throws {
    let project = try TestProject([
      "orgloop-module.yaml": """
      kind: Module
      metadata: { name: m }
      params:
        num: { type: number, default: 1.5 }
        flag: { type: boolean, default: true }
        none: {}
        word: { default: "${SECRET_WORD}" }
      actors:
        - id: a
          connector: openclaw
          config:
            one: "{{ params.num }}"
            two: "{{ params.flag }}"
            three: "{{ params.none }}"
            four: "x{{ params.none }}y{{ params.num }}"
            five: "{{ params.word }}"
            six: "a $${b} c"
      """
    ])
    var options = LoadOptions()
    options.showsObjects = true
    options.role = .module(name: nil, parameters: [:])
    let loaded = project.load(".", environment: ["SECRET_WORD": "hidden-word"], options: options)
    let config = loaded.shown["m"]?["actors"]?.array?.first?["config"]
    #expect(
      config == [
        "one": 1.5, "two": true, "three": nil, "four": "xy1.5", "five": "***", "six": "a ${b} c",
      ])
  }

  @Test func `a module is named in one way`() throws {
    let project = try TestProject([
      "orgloop.yaml": "modules: [{ package: ./m, path: ./n }]\n",
      "m/orgloop-module.yaml": "kind: Module\nmetadata: { name: m }\n",
    ])
    #expect(
      project.load().lines.first
        == "orgloop.yaml:1:33: error[key.unknown-value] modules: write \"package\" or \"path\", not both"
    )
  }
}
