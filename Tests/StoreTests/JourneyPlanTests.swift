import Store
import TestSupport
import Testing

/// What `trace` and `why` ask finds its rows by keys, however many events there are.
@Suite(.timeLimit(.minutes(2)))
struct JourneyPlanTests {
  struct Plan: Sendable, CustomTestStringConvertible {
    let name: String
    let sql: String
    /// Look-ups that the plan must have, all of them.
    let lookUps: [String]
    /// Passes over whole tables, where these are small by nature.
    var passes: [String] = []
    var testDescription: String { name }
  }

  private static let event = "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"

  static let plans = [
    Plan(
      name: "journeyEvent", sql: SQL.journeyEvent,
      lookUps: [event, "SEARCH d USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    Plan(
      name: "eventIdentity", sql: SQL.eventIdentity,
      lookUps: ["SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(
      name: "eventsOfTrace", sql: SQL.eventsOfTrace,
      lookUps: ["SEARCH events USING COVERING INDEX events_trace (trace=?)"]),
    Plan(
      name: "countOfTrace", sql: SQL.countOfTrace,
      lookUps: ["SEARCH events USING COVERING INDEX events_trace (trace=?)"],
      passes: ["(subquery"]),
    Plan(
      name: "eventsCausedBy", sql: SQL.eventsCausedBy,
      lookUps: ["SEARCH events USING COVERING INDEX events_cause (cause>? AND cause<?)"]),
    Plan(
      name: "settledDeliveries", sql: SQL.settledDeliveries,
      lookUps: ["SEARCH d USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    // The queue's key begins with the lane, so each lane is asked once.
    Plan(
      name: "unsettledDeliveries", sql: SQL.unsettledDeliveries,
      lookUps: ["SEARCH q USING PRIMARY KEY (lane=? AND delivery>? AND delivery<?)", event],
      passes: ["w"]),
    Plan(
      name: "newestAttempts", sql: SQL.newestAttempts,
      lookUps: ["SEARCH attempts USING PRIMARY KEY (delivery=?)"]),
    Plan(
      name: "runningAttempt", sql: SQL.runningAttempt,
      lookUps: ["SEARCH running USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(
      name: "nonMatchesOfEvent", sql: SQL.nonMatchesOfEvent,
      lookUps: [event, "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)"], passes: ["d"]),
    Plan(
      name: "routeStanding", sql: SQL.routeStanding,
      lookUps: ["SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(
      name: "laneStanding", sql: SQL.laneStanding,
      lookUps: ["SEARCH l USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(
      name: "pausesOfRoute", sql: SQL.pausesOfRoute,
      lookUps: ["SEARCH paused USING PRIMARY KEY (kind=? AND module=? AND name=?)"]),
    Plan(
      name: "queuedRow", sql: SQL.queuedRow,
      lookUps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery=?)"]),
    Plan(
      name: "olderOfKey", sql: SQL.olderOfKey,
      lookUps: ["SEARCH queue USING INDEX queue_order (lane=? AND order_key=? AND delivery<?)"]),
    Plan(
      name: "countOlder", sql: SQL.countOlder,
      lookUps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery<?)"], passes: ["(subquery"]),
    Plan(name: "countRunning", sql: SQL.countRunning, lookUps: [], passes: ["running"]),
    Plan(
      name: "namesakes", sql: SQL.namesakes,
      lookUps: [
        "SEARCH r USING COVERING INDEX sqlite_autoindex_routes_1 (module=? AND name=?)"
      ], passes: ["m"]),
    Plan(
      name: "documentsAt", sql: SQL.documentsAt,
      lookUps: [
        "SEARCH g USING INDEX generations_module (module=?)", "SEARCH d USING PRIMARY KEY (hash=?)",
      ]),
    Plan(
      name: "recordedEvents", sql: SQL.recordedEvents,
      lookUps: ["SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    Plan(
      name: "documentsOf", sql: SQL.documentsOf,
      lookUps: ["SEARCH g USING INTEGER PRIMARY KEY (rowid=?)"]),
  ]

  @Test(arguments: plans)
  func `a journey is read by keys, and passes over small tables only`(_ plan: Plan) throws {
    let steps = try QueryPlan.steps(of: plan.sql)
    for lookUp in plan.lookUps { #expect(steps.contains(lookUp), "\(steps)") }
    let passes = steps.filter { $0.hasPrefix("SCAN ") }.map { $0.dropFirst(5) }
    #expect(passes.count == plan.passes.count, "\(steps)")
    for (pass, table) in zip(passes, plan.passes) { #expect(pass.hasPrefix(table), "\(steps)") }
  }
}
