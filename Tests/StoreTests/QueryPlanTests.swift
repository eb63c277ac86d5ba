import Store
import TestSupport
import Testing

/// Every statement is served by the key or index that its comment names (style.md rule 28).
@Suite(.timeLimit(.minutes(2)))
struct QueryPlanTests {
  struct Plan: Sendable, CustomTestStringConvertible {
    let name: String
    let sql: String
    /// The steps of the plan, without what differs between versions of SQLite.
    let steps: [String]
    var testDescription: String { name }
  }

  private static let event = "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"

  /// The routes that are asked for; empty where they do not matter.
  private static let among = ["LIST SUBQUERY 1", "SCAN json_each VIRTUAL TABLE INDEX 1:"]

  static let plans = [
    Plan(name: "insertEvent", sql: SQL.insertEvent, steps: []),
    Plan(name: "enqueue", sql: SQL.enqueue, steps: []),
    Plan(name: "claimExternalID", sql: SQL.claimExternalID, steps: []),
    Plan(
      name: "releaseExternalID", sql: SQL.releaseExternalID,
      steps: ["SEARCH external_ids USING PRIMARY KEY (id=?)"]),
    Plan(
      name: "findExternalID", sql: SQL.findExternalID,
      steps: ["SEARCH i USING PRIMARY KEY (id=?)", event]),
    Plan(
      name: "findOwnID", sql: SQL.findOwnID,
      steps: ["SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(name: "claimDedupKey", sql: SQL.claimDedupKey, steps: []),
    Plan(
      name: "findDedupKey", sql: SQL.findDedupKey,
      steps: ["SEARCH d USING PRIMARY KEY (source=? AND key=?)", event]),
    Plan(
      name: "countDuplicate", sql: SQL.countDuplicate,
      steps: ["SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(
      name: "countEvents", sql: SQL.countEvents,
      steps: ["SEARCH sources USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(
      name: "saveProgress", sql: SQL.saveProgress,
      steps: ["SEARCH sources USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(name: "extendCoverage", sql: SQL.extendCoverage, steps: []),
    Plan(
      name: "startAttempt", sql: SQL.startAttempt,
      steps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery=?)"]),
    Plan(
      name: "endAttempt", sql: SQL.endAttempt,
      steps: ["SEARCH running USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(name: "recordAttempt", sql: SQL.recordAttempt, steps: []),
    Plan(
      name: "dequeue", sql: SQL.dequeue,
      steps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery=?)"]),
    Plan(name: "settle", sql: SQL.settle, steps: []),
    Plan(
      name: "hopsOfTrace", sql: SQL.hopsOfTrace,
      steps: [
        "SEARCH e USING INDEX events_trace (trace=?)",
        "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)",
      ]),
    Plan(
      name: "rootOfTrace", sql: SQL.rootOfTrace,
      steps: [event, "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)"]),
    Plan(
      name: "findLoop", sql: SQL.findLoop,
      steps: ["SEARCH loops USING PRIMARY KEY (trace=? AND module=?)"]),
    Plan(
      name: "sumStarts", sql: SQL.sumStarts,
      steps: ["SEARCH starts USING PRIMARY KEY (lane=? AND slot_ms>? AND slot_ms<?)"]),
    Plan(
      name: "wait", sql: SQL.wait,
      steps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery=?)"]),
    Plan(
      name: "park", sql: SQL.park,
      steps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery=?)"]),
    Plan(name: "storeTransformed", sql: SQL.storeTransformed, steps: []),
    Plan(
      name: "claim", sql: SQL.claim,
      steps: ["SEARCH q USING PRIMARY KEY (lane=? AND delivery>?)"] + among + [event]),
    Plan(
      name: "claimOne", sql: SQL.claimOne,
      steps: ["SEARCH q USING PRIMARY KEY (lane=? AND delivery=?)", event]),
    Plan(
      name: "claimDue", sql: SQL.claimDue,
      steps: ["SEARCH q USING INDEX queue_due (lane=? AND due_at_ms<?)", event]),
    Plan(
      name: "nextDue", sql: SQL.nextDue,
      steps: ["SEARCH queue USING INDEX queue_due (lane=?)"]),
    Plan(
      name: "nextDueAfter", sql: SQL.nextDueAfter,
      steps: ["SEARCH queue USING INDEX queue_due (lane=? AND due_at_ms>?)"]),
    Plan(
      name: "headOfKey", sql: SQL.headOfKey,
      steps: ["SEARCH queue USING INDEX queue_order (lane=? AND order_key=?)"]
        + among),
    Plan(
      name: "release", sql: SQL.release,
      steps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery=?)"]),
    Plan(
      name: "waitingKeys", sql: SQL.waitingKeys,
      steps: ["SEARCH queue USING INDEX queue_due (lane=?)", "USE TEMP B-TREE FOR DISTINCT"]),
    Plan(
      name: "firstOfTrace", sql: SQL.firstOfTrace,
      steps: ["SEARCH events USING COVERING INDEX events_trace (trace=?)"]),
    Plan(
      name: "eventsInOrder", sql: SQL.eventsInOrder,
      steps: [
        "SEARCH e USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)",
      ]),
    Plan(
      name: "keptEventsDue", sql: SQL.keptEventsDue,
      steps: ["SEARCH kept_events USING COVERING INDEX kept_events_time (look_at_ms<?)"]),
    Plan(
      name: "oldEvent", sql: SQL.oldEvent,
      steps: [
        event, "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)", "SCALAR SUBQUERY 1",
        "SEARCH inbox USING INDEX inbox_delivery (delivery>? AND delivery<?)",
      ]),
    Plan(
      name: "oldDeliveries", sql: SQL.oldDeliveries,
      steps: ["SEARCH settled USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    Plan(
      name: "forgetDedupKey", sql: SQL.forgetDedupKey,
      steps: ["SEARCH dedup_keys USING PRIMARY KEY (source=? AND key=?)"]),
    Plan(
      name: "forgetExternalID", sql: SQL.forgetExternalID,
      steps: ["SEARCH external_ids USING PRIMARY KEY (id=?)"]),
    Plan(
      name: "deliveredKey", sql: SQL.deliveredKey,
      steps: [
        "SEARCH k USING PRIMARY KEY (route=? AND transform=? AND hash=?)",
        "SEARCH e USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
      ]),
    Plan(
      name: "letGoOfKeys", sql: SQL.letGoOfKeys,
      steps: ["SEARCH held_keys USING COVERING INDEX held_keys_delivery (delivery=?)"]),
    Plan(
      name: "stepsOfDelivery", sql: SQL.stepsOfDelivery,
      steps: ["SEARCH attempts USING PRIMARY KEY (delivery=?)"]),
  ]

  @Test(arguments: plans)
  func `a statement uses the index that its comment names`(_ plan: Plan) throws {
    let steps = try QueryPlan.steps(of: plan.sql)
    #expect(steps == plan.steps)
  }

  @Test(arguments: SQL.forgetDeliveries + SQL.forgetEvents)
  func `what is deleted with an event is a range of a key`(_ sql: String) throws {
    let steps = try QueryPlan.steps(of: sql)
    #expect(steps.count == 1)
    #expect(steps.first?.hasPrefix("SEARCH") == true, "\(steps)")
  }

  @Test func `the deliveries of an event are found without a scan of queue or history`() throws {
    let steps = try QueryPlan.steps(of: SQL.deliveriesOfEvent)
    for table in ["q", "settled", "e", "events", "a"] {
      #expect(!steps.contains { $0.hasPrefix("SCAN \(table)") && !$0.hasSuffix("d") }, "\(steps)")
    }
    #expect(steps.contains("SEARCH q USING PRIMARY KEY (lane=? AND delivery>? AND delivery<?)"))
    #expect(
      steps.contains("SEARCH settled USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"))
  }
}
