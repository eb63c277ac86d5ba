import CLI
import Engine
import Testing

/// What the commands on modules read and say, without a process.
@Suite struct ModulePieceTests {
  static let targets: [(String, ModuleTarget)] = [
    ("./engineering", .path("/here/./engineering")), ("a/b", .path("/here/a/b")),
    ("/x", .path("/x")), ("there", .path("/here/there")), ("engineering", .package("engineering")),
    ("@acme/module-x", .package("@acme/module-x")), ("@there/x", .path("/here/@there/x")),
  ]

  @Test(arguments: targets)
  func `a path has a slash or exists, and becomes absolute`(
    _ text: String, _ expected: ModuleTarget
  ) {
    let target = ModuleTarget(
      text, exists: { ["there", "@there/x"].contains($0) },
      absolute: { $0.hasPrefix("/") ? $0 : "/here/" + $0 })
    #expect(target == expected)
  }

  @Test func `parameters are split at the first equals sign`() throws {
    #expect(
      try FlagValue.parameters(["a=1", "b=x=y", "c="]) == ["a": "1", "b": "x=y", "c": ""])
    for wrong in [["a"], ["=1"], ["a=1", "a=2"]] {
      #expect(throws: Failure.self) { try FlagValue.parameters(wrong) }
    }
  }

  @Test func `the lines of the shared host are said as written`() {
    let loaded: JSONValue = ["name": "engineering", "outcome": "loaded", "pid": 42]
    #expect(ModuleText.loaded(loaded) == #"Loaded "engineering" into runtime (PID 42)"#)
    #expect(
      ModuleText.reloaded(["name": "engineering", "outcome": "reloaded"])
        == #"Unloaded "engineering", reloaded with updated config"#)
    #expect(
      ModuleText.table([
        [
          "name": "engineering", "state": "active", "sources": 2, "routes": 4,
          "uptime_ms": 8_100_000,
        ],
        [
          "name": "ops-alerts", "state": "active", "sources": 1, "routes": 2,
          "uptime_ms": 2_700_000,
        ],
      ]) == """
        NAME         STATUS  SOURCES  ROUTES  UPTIME
        engineering  active  2        4       2h 15m
        ops-alerts   active  1        2       45m 0s
        """)
  }

  static let unloads: [(Int64, Int64, String)] = [
    (0, 0, #"Unloaded "a""#), (1, 0, #"Unloaded "a" (1 delivery parked)"#),
    (12, 0, #"Unloaded "a" (12 deliveries parked)"#),
    (2, 1, #"Unloaded "a" (2 deliveries parked, 1 delivery dropped)"#),
  ]

  @Test(arguments: unloads)
  func `an unload says what it left`(_ parked: Int64, _ dropped: Int64, _ text: String) {
    #expect(
      ModuleText.unloaded([
        "ok": true, "name": "a", "parked": JSONValue(parked), "dropped": JSONValue(dropped),
      ]) == text)
  }

  @Test func `a load of what is loaded says what came of it`() {
    #expect(
      ModuleText.loaded(["name": "a", "outcome": "unchanged"]) == #""a" is unchanged"#)
    let both: JSONValue = [
      "name": "a",
      "modules": [
        ["name": "a", "outcome": "loaded", "pid": 1], ["name": "b", "outcome": "reloaded"],
      ],
    ]
    #expect(
      ModuleText.loaded(both) == """
        Loaded "a" into runtime (PID 1)
        Unloaded "b", reloaded with updated config
        """)
  }

  @Test func `a name cannot move the terminal`() {
    #expect(!ModuleText.unloaded(["name": "a\u{1B}[2J"]).contains("\u{1B}"))
    #expect(
      !ChangeText.targets("Paused", [["target": "route/\u{1B}[2J"]], nowMs: 0).contains("\u{1B}"))
  }

  @Test func `the list tells what is paused and what is not loaded`() {
    let table = ModuleText.table([
      ["name": "a", "state": "active", "paused": true],
      ["name": "b", "state": "removed", "paused": nil],
      ["name": "c", "state": "unloading", "paused": ["by": "alice"]],
    ])
    let rows = table.split(separator: "\n").dropFirst().map { $0.split(separator: " ") }
    #expect(rows.map { $0[1] } == ["paused", "removed", "unloading,"])
  }

  @Test func `a module that is not loaded has no uptime`() {
    let unloaded: JSONValue = ["name": "a", "state": "removed", "uptime_ms": 0]
    #expect(ModuleText.status(unloaded, nowMs: 0) == "a  removed")
    #expect(ModuleText.table([unloaded]).split(separator: "\n").last?.contains("0s") == false)
    let loading: JSONValue = ["name": "a", "state": "loading", "uptime_ms": 0]
    #expect(ModuleText.status(loading, nowMs: 0) == "a  loading, up 0s")
  }

  @Test func `a module's status shows its sources, routes and queue`() {
    let text = ModuleText.status(
      [
        "name": "a", "state": "active", "uptime_ms": 9_000, "path": "/p/orgloop.yaml",
        "loaded_by": "alice", "generation": 3,
        "source_list": [
          [
            "id": "in", "connector": "exec", "status": "healthy", "event_count": 7,
            "next_poll_at": "1970-01-01T00:01:00.000Z",
          ]
        ],
        "route_list": [
          [
            "name": "through", "sources": ["in", "x:out"], "actor": "out", "pending": 1,
            "waiting": 2, "parked": 3, "paused": true,
          ]
        ],
        "queue": ["pending": 1, "waiting": 2, "parked": 3, "running": 0],
      ], nowMs: 0)
    #expect(
      text == """
        a  active, up 9s
          path  /p/orgloop.yaml
          loaded by  alice
          generation  3

        SOURCE  CONNECTOR  STATUS   EVENTS  NEXT POLL
        in      exec       healthy  7       in 1 min

        ROUTE    SOURCES    ACTOR  STATUS  PENDING  WAITING  PARKED
        through  in, x:out  out    paused  1        2        3

        queue  1 pending, 2 waiting, 3 parked, 0 running
        """)
  }

  @Test func `apply shows what changed and the totals`() {
    #expect(
      ChangeText.applied([
        "modules": [
          ["name": "a", "action": "add"], ["name": "b", "action": "unchanged"],
          ["name": "c", "action": "change"], ["name": "d", "action": "remove"],
        ],
        "summary": ["add": 1, "change": 1, "remove": 1],
      ]) == """
        + module a
        = module b
        ~ module c
        - module d
        Applied: 1 added, 1 changed, 1 removed
        """)
    #expect(ChangeText.applied(["modules": []]) == "Nothing to apply.")
  }

  @Test func `apply says what it leaves for a restart`() {
    let port: JSONValue = [["path": "http.port", "from": 1, "to": 2]]
    let line = "! runtime.http.port: 1 → 2  needs a restart"
    #expect(
      ChangeText.applied([
        "modules": [["name": "a", "action": "add"]], "needs_restart": port,
        "summary": ["add": 1, "change": 0, "remove": 0],
      ]) == "+ module a\n\(line)\nApplied: 1 added, 0 changed, 0 removed")
    #expect(
      ChangeText.applied(["modules": [], "needs_restart": port])
        == "\(line)\nNothing to apply.")
  }

  @Test func `pauses are listed with their module and their end`() {
    #expect(
      ChangeText.targets(
        "Paused",
        [
          ["target": "route/pager", "module": "ops", "until": "1970-01-01T02:00:00.000Z"],
          ["target": "module/a", "module": "a"],
        ], nowMs: 0) == """
          Paused route/pager of ops, ends in 2 hours
          Paused module/a
          """)
    #expect(ChangeText.targets("Resumed", [], nowMs: 0) == "Nothing to do.")
  }

  @Test func `a diagnostic from a runtime reads as one of our own`() {
    #expect(
      DiagnosticText.line([
        "file": "orgloop.yaml", "line": 3, "column": 5, "level": "error", "code": "ref.actor",
        "message": "no actor \"ouy\"", "suggestion": "out", "subject": nil,
      ]) == #"orgloop.yaml:3:5: error[ref.actor] no actor "ouy"; did you mean "out"?"#)
  }
}

/// What a plan says to people, without a process.
@Suite struct PlanTextTests {
  static let plan: JSONValue = [
    "modules": [
      ["name": "a", "module": "a", "action": "change", "detail": "", "changes": []],
      ["name": "b", "module": "b", "action": "unchanged", "detail": "", "changes": []],
    ],
    "sources": [
      [
        "name": "tick", "module": "a", "action": "change", "detail": "poll.interval",
        "changes": [["path": "poll.interval", "from": "5m", "to": "1m"]],
      ],
      ["name": "in", "module": "b", "action": "unchanged", "detail": "", "changes": []],
    ],
    "routes": [
      [
        "name": "pager", "module": "a", "action": "change", "detail": "content changed",
        "changes": [["path": "then.config.n", "from": nil, "to": ["x": 1]]],
      ]
    ],
    "impact": [["route": "pager", "module": "a", "unsettled": 41, "fate": "parked"]],
    "needs_restart": [["path": "bus", "from": "sqlite", "to": "memory"]],
    "summary": ["add": 0, "change": 2, "remove": 0],
  ]

  @Test func `a plan reads by module, then what becomes of deliveries, then the totals`() {
    #expect(
      PlanText.text(Self.plan) == """
        ~ module a
          ~ source tick
              poll.interval: 5m → 1m
          ~ route pager  content changed
              then.config.n: – → {"x":1}
        = module b

        - route pager: 41 unsettled → parked (a)

        ! runtime.bus: sqlite → memory  needs a restart

        Plan: 0 to add, 2 to change, 0 to remove
        """)
  }

  @Test func `a setting that needs a restart is something to do`() {
    let nothing: JSONValue = ["modules": [], "summary": ["add": 0, "change": 0, "remove": 0]]
    #expect(PlanText.text(nothing) == "No changes.")
    #expect(!PlanText.hasChanges(nothing))
    #expect(PlanText.hasChanges(["needs_restart": [["path": "bus"]]]))
  }

  @Test func `a value in a plan cannot move the terminal`() {
    let plan: JSONValue = [
      "modules": [
        [
          "name": "a\u{1B}[2J", "action": "change",
          "changes": [["path": "p", "from": "\u{1B}[2J", "to": nil]],
        ]
      ]
    ]
    #expect(!PlanText.text(plan).contains("\u{1B}"))
  }
}
