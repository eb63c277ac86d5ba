import AsyncHTTPClient
import Connectors
import Engine
import Testing

extension Fixture {
  static let catalog = BuiltInCatalog.make(
    BuiltInCatalog.Services(
      environment: ["PATH": "/usr/bin:/bin"], childGuard: nil,
      httpClient: HTTPClients.makeForActors(), version: "0",
      terminal: ConsoleTerminal(isTerminal: false)))
}

@Suite struct CatalogTests {
  private let catalog = Fixture.catalog

  @Test func `the catalog names what is built in, and nothing else`() {
    #expect(Set(catalog.connectors.keys) == ["webhook", "cron", "exec"])
    #expect(Set(catalog.transforms.keys) == ["filter", "dedup", "script"])
    #expect(Set(catalog.loggers.keys) == ["console"])
    #expect(catalog.connectors["cron"]?.actor == nil)
  }

  @Test func `each source is made in its mode`() throws {
    let context = Fixture.sourceContext()
    func made(_ name: String, _ config: JSONObject) throws -> ConnectorDescriptor.Mode {
      let role = try #require(catalog.connectors[name]?.source)
      let mode: ConnectorDescriptor.Mode =
        switch try role.make(config, context) {
        case .poll: .poll
        case .push: .push
        case .stream: .stream
        case .timer: .timer
        }
      #expect(role.mode(config) == mode)
      return mode
    }
    let schedules: JSONValue = [["name": "a", "cron": "@daily"]]
    #expect(try made("webhook", [:]) == .push)
    #expect(try made("cron", ["schedules": schedules]) == .timer)
    #expect(try made("exec", ["command": ["/bin/true"]]) == .poll)
    #expect(try made("exec", ["command": ["/bin/true"], "mode": "stream"]) == .stream)
  }

  @Test(
    arguments: [
      ["schedules": []], ["schedules": [["name": "a", "cron": "5x * * * *"]]],
      ["schedules": [["cron": "@daily"]]], ["schedules": [["name": "a"]]],
      ["schedules": [["name": "a", "cron": "1m"], ["name": "a", "cron": "2m"]]],
      ["schedules": [["name": "a", "cron": "@daily", "timezone": "Europe/Nowhere"]]],
      ["schedules": [["name": "a", "cron": "@daily"]], "timezone": "Mars"],
    ] as [JSONObject])
  func `a broken cron config is an error`(_ config: JSONObject) throws {
    let role = try #require(catalog.connectors["cron"]?.source)
    #expect(role.check(config).contains { $0.level == .error })
    #expect(throws: ConfigProblem.self) { try role.make(config, Fixture.sourceContext()) }
  }

  private static let brokenSources: [(JSONObject, ConfigProblem.Level)] = [
    (["secret": ""], .error), (["secret": []], .error),
    (["secret": ["a long enough secret", ""]], .error), (["secret": "whsec_"], .error),
    (["secret": "whsec_!!!"], .error), (["secret": "short"], .warning), (["path": "x"], .error),
  ]

  @Test(arguments: brokenSources)
  func `a broken webhook source config is a problem`(
    _ config: JSONObject, _ level: ConfigProblem.Level
  ) throws {
    let role = try #require(catalog.connectors["webhook"]?.source)
    #expect(role.check(config).map(\.level) == [level])
  }

  @Test(
    arguments: [
      ["url": "ftp://example.com/x"], ["url": "file:///etc/passwd"], ["url": "/relative"], [:],
      ["url": "https://user:pw@example.com/"], ["url": "https://"],
      ["url": "https://e.com", "auth": ["type": "bearer"]],
      ["url": "https://e.com", "auth": ["type": "basic", "username": "u"]],
      ["url": "https://e.com", "auth": ["type": "digest"]],
      ["url": "https://e.com", "auth": ["type": "bearer", "token": "a\nb"]],
      ["url": "https://e.com", "headers": ["X-A": "a\r\nX-B: b"]],
      ["url": "https://e.com", "headers": ["X A": "a"]],
      ["url": "https://e.com", "headers": ["Host": "other"]],
      ["url": "https://e.com", "headers": ["Content-Length": "0"]],
      ["url": "https://e.com", "headers": ["webhook-id": "x"]],
      ["url": "https://e.com", "secret": ""],
    ] as [JSONObject])
  func `a broken webhook actor config is an error`(_ config: JSONObject) throws {
    let role = try #require(catalog.connectors["webhook"]?.actor)
    #expect(role.check(config).contains { $0.level == .error })
    #expect(throws: ConfigProblem.self) { try role.make(config, Fixture.actorContext()) }
  }

  @Test func `no problem repeats a secret`() throws {
    let role = try #require(catalog.connectors["webhook"]?.actor)
    let problems = role.check([
      "url": "https://user:canary@example.com/canary?q=canary", "secret": "whsec_canary!",
      "auth": ["type": "bearer", "token": "canary\n"], "headers": ["X-A": "canary\n"],
    ])
    #expect(problems.count == 4)
    #expect(!problems.map(\.message).joined().contains("canary"))
  }

  @Test(
    arguments: [
      ("30s", 30_000), ("1h30m", 5_400_000), ("2m500ms", 120_500), ("1d1h1m1s1ms", 90_061_001),
      ("3650d", 315_360_000_000), ("5", nil), ("", nil), ("5 m", nil), ("5M", nil), ("1m1h", nil),
      ("1m1m", nil), ("-5s", nil), ("3651d", nil), ("99999999999999999999s", nil), ("1.5s", nil),
    ] as [(String, Int64?)])
  func `a duration is read as configuration writes it`(_ text: String, _ ms: Int64?) {
    #expect(DurationText.ms(text) == ms)
  }
}
