import Engine
import TestSupport
import Testing

/// What a test expects of an event, held against what becomes of it.
@Suite struct ExpectationTests {
  private static let origin = Origin(file: "tests/t.yaml", line: 1, column: 1)
  private static let name = RouteAddress(module: "default", name: "all")

  private func report(
    _ payload: JSONValue = ["n": 1], mock: RehearsalMock = .pass,
    policy: TransformStep.ErrorPolicy = .retry
  ) async throws -> RehearsalReport {
    let step = TransformStep(name: "t", kind: .package("test"), onError: policy)
    var second = RouteDefinition.test("other")
    second.filter = Filter(entries: [
      Filter.Entry(path: DotPath(keys: ["payload", "n"]), condition: .equals(2))
    ])
    let rehearsal = Rehearsal(
      [
        .test(routes: [
          .test(
            transforms: [step], config: ["a": "{{ payload.n }}"],
            delivery: DeliveryPolicy(orderKey: DotPath(keys: ["payload", "key"]))), second,
        ])
      ], catalog: .test())
    let event = try rehearsal.event([
      "source": "in", "type": "resource.changed", "provenance": ["platform": "test"],
      "payload": payload,
    ])
    return await rehearsal.run(event, mocks: ["t": mock])
  }

  private func unmet(
    _ report: RehearsalReport, isExact: Bool = false,
    _ outcome: RehearsalExpectation.Outcome = .delivered,
    _ change: (inout RehearsalExpectation.Route) -> Void = { _ in }
  ) -> [String] {
    var route = RehearsalExpectation.Route(
      name: Self.name, written: "all", origin: Self.origin, outcome: outcome)
    change(&route)
    let expectation = RehearsalExpectation(isExact: isExact, routes: [route], origin: Self.origin)
    return expectation.unmet(by: report).map { "\($0.subject) | \($0.expected) | \($0.actual)" }
  }

  private func field(_ path: String, _ condition: Condition) -> RehearsalExpectation.Field {
    RehearsalExpectation.Field(
      path: DotPath(path) ?? DotPath(keys: []), condition: condition,
      shown: condition.description, origin: Self.origin)
  }

  @Test func `which routes match is exact only where that is asked for`() async throws {
    let both = try await report(["n": 2])
    #expect(unmet(both) == [])
    #expect(unmet(both, isExact: true) == ["other | no other route matches | it matches"])
    #expect(unmet(both, .notMatched) == ["all | the route does not match | it matches"])
    let none = RehearsalExpectation(isExact: true, routes: [], origin: Self.origin)
    #expect(none.unmet(by: both).map(\.expected) == ["no route matches", "no route matches"])
    let one = try await report()
    let missing = RehearsalExpectation(
      isExact: true,
      routes: [
        RehearsalExpectation.Route(
          name: RouteAddress(module: "default", name: "other"), written: "other",
          origin: Self.origin, outcome: .delivered)
      ], origin: Self.origin)
    #expect(
      missing.unmet(by: one).map(\.actual) == ["payload.n must be 2, is 1", "it matches"])
  }

  @Test func `a route that is named is to be delivered, unless something else is said`()
    async throws
  {
    let dropped = try await report(mock: .drop(reason: "no"))
    #expect(unmet(dropped) == ["all | the event is delivered | dropped by t: no"])
    #expect(unmet(dropped, .matched) == [])
    let origin = Self.origin
    #expect(unmet(dropped, .dropped(by: nil, reason: nil, origin: origin)) == [])
    #expect(
      unmet(
        dropped,
        .dropped(
          by: .init("u", at: origin), reason: field("reason", .equals("yes")), origin: origin))
        == ["all: dropped.by | u | t", #"all: dropped.reason | "yes" | "no""#])
    #expect(
      unmet(try await report(), .dropped(by: nil, reason: nil, origin: origin))
        == ["all | a transform drops the event | delivered"])
  }

  @Test func `an error is looked for in the steps, whatever the policy makes of it`() async throws {
    for policy in TransformStep.ErrorPolicy.allCases {
      let failed = try await report(mock: .fail("no such host"), policy: policy)
      #expect(
        unmet(failed) { $0.error = field("error", .prefix("no such", ignoreCase: false)) } == [])
      #expect(
        unmet(failed) { $0.error = field("error", .equals("other")) }
          == [#"all: error | "other" | "no such host""#])
      #expect(unmet(failed).isEmpty == (policy == .pass))
    }
    #expect(
      unmet(try await report()) { $0.error = field("error", .exists(true)) }
        == [#"all: error | {"exists":true} | delivered"#])
  }

  @Test func `a transform that failed drops nothing, unless the error is expected too`()
    async throws
  {
    let failed = try await report(mock: .fail("no such host"), policy: .drop)
    let dropped = RehearsalExpectation.Outcome.dropped(
      by: .init("t", at: Self.origin), reason: nil, origin: Self.origin)
    #expect(
      unmet(failed, dropped)
        == ["all | a transform drops the event | dropped, because t failed: no such host"])
    #expect(unmet(failed, dropped) { $0.error = field("error", .exists(true)) } == [])
    #expect(
      unmet(try await report(mock: .drop(reason: "x")), dropped) {
        $0.error = field("error", .equals("boom"))
      } == [#"all: error | "boom" | dropped by t: x"#])
    #expect(
      unmet(try await report(), .matched) { $0.error = field("error", .equals("boom")) }
        == [#"all: error | "boom" | delivered"#])
  }

  @Test func `what is hidden is hidden before it is escaped and cut`() async throws {
    let secret = #"Qz7&<b>"c"#
    let value = String(repeating: "0", count: 396) + secret
    let report = try await report(["n": 1, "quoted": .string(secret), "long": .string(value)])
    var route = RehearsalExpectation.Route(
      name: Self.name, written: "all", origin: Self.origin, outcome: .delivered)
    route.transformed = [
      field("payload.quoted", .equals("a")), field("payload.long", .equals("a")),
    ]
    let expectation = RehearsalExpectation(isExact: false, routes: [route], origin: Self.origin)
    let unmet = expectation.unmet(by: report) { $0.replacing(secret, with: "***") }
    #expect(unmet.map(\.actual).first == #""***""#)
    #expect(unmet.count == 2)
    #expect(unmet.allSatisfy { !$0.actual.contains("Qz7") })
    // Conditions look at what is there.
    route.transformed = [field("payload.quoted", .equals(.string(secret)))]
    let met = RehearsalExpectation(isExact: false, routes: [route], origin: Self.origin)
    #expect(met.unmet(by: report) { $0.replacing(secret, with: "***") } == [])
    // What a route that does not match found there is cut after 64 characters.
    let hidden = try await self.report(["n": .string(String(repeating: "0", count: 62) + secret)])
      .hiding { $0.replacing(secret, with: "***") }
    #expect(hidden.unmatched.first?.actual?.contains("Qz") == false)
  }

  @Test func `fields of event, configuration and order key are conditions`() async throws {
    let report = try await report(["n": 1, "key": "k"], mock: .change(["extra": "e"]))
    #expect(
      unmet(report) {
        $0.transformed = [
          field("extra", .equals("e")),
          field("payload.n", .numeric([NumericBound(.greater, JSONNumber(0 as Int64))])),
        ]
        $0.config = [field("a", .equals("1"))]
        $0.orderKey = field("order_key", .equals("k"))
        $0.isInbox = .init("false", at: Self.origin)
      } == [])
    #expect(
      unmet(report) {
        $0.transformed = [field("payload.x", .equals(1))]
        $0.config = [field("a", .equals(1))]
        $0.orderKey = field("order_key", .exists(false))
        $0.prompt = [.init("hello", at: Self.origin)]
        $0.isInbox = .init("true", at: Self.origin)
      } == [
        #"all: order_key | {"exists":false} | "k""#, "all: payload.x | 1 | missing",
        #"all: config.a | 1 | "1""#,
        #"all: prompt | contains "hello" | the route has no prompt"#, "all: inbox | true | false",
      ])
    let dropped = try await self.report(mock: .drop(reason: nil))
    #expect(
      unmet(dropped, .matched) { $0.config = [field("a", .equals(1))] }
        == ["all | the event comes to its end | dropped by t"])
  }
}
