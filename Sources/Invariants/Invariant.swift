/// A rule that every database keeps, whatever happened to it (design.md 5), as SQL.
///
/// The files beside this one are what `orgloop doctor --data`, the crash tests and people with
/// `sqlite3` run. Each is one query, and gives the rows that break its rule: none when all is well.
package struct Invariant: Sendable {
  /// The name of its file, and the first column of each row it finds.
  package let name: String
  package let sql: String

  private init(_ name: String, _ sql: [UInt8]) {
    self.name = name
    self.sql = String(decoding: sql, as: UTF8.self)
  }

  /// What must hold: the first paragraph of the comment that the file begins with.
  package var rule: String { paragraphs.first ?? "" }

  /// What it means when it does not hold, and what to do: the second paragraph. A third one names
  /// the rule of design.md that it comes from.
  package var advice: String { paragraphs.dropFirst().first ?? "" }

  private var paragraphs: [String] {
    let comment = sql.split(separator: "\n").prefix { $0.hasPrefix("--") }
    let lines = comment.map { line in String(line.dropFirst(2).drop { $0 == " " }) }
    return lines.split(separator: "").map { $0.joined(separator: " ") }
  }

  /// Those about deliveries first: they matter most.
  package static let all: [Invariant] = [
    Invariant("deliveries_complete", PackageResources.deliveries_complete_sql),
    Invariant("settled_not_queued", PackageResources.settled_not_queued_sql),
    Invariant("one_delivery_per_route", PackageResources.one_delivery_per_route_sql),
    Invariant("replayed_once", PackageResources.replayed_once_sql),
    Invariant("belongs_to_event", PackageResources.belongs_to_event_sql),
    Invariant("delivered_was_answered", PackageResources.delivered_was_answered_sql),
    Invariant("delivered_once", PackageResources.delivered_once_sql),
    Invariant("inbox_has_delivery", PackageResources.inbox_has_delivery_sql),
    Invariant("key_was_delivered", PackageResources.key_was_delivered_sql),
    Invariant("running_is_queued", PackageResources.running_is_queued_sql),
    Invariant("running_is_next", PackageResources.running_is_next_sql),
    Invariant("order_key_runs_alone", PackageResources.order_key_runs_alone_sql),
    Invariant("attempts_numbered", PackageResources.attempts_numbered_sql),
    Invariant("settled_attempts_counted", PackageResources.settled_attempts_counted_sql),
    Invariant("queued_attempts_counted", PackageResources.queued_attempts_counted_sql),
    Invariant("settled_has_reason", PackageResources.settled_has_reason_sql),
    Invariant("waiting_has_reason", PackageResources.waiting_has_reason_sql),
    Invariant("delivery_has_route", PackageResources.delivery_has_route_sql),
    Invariant("route_has_lane", PackageResources.route_has_lane_sql),
    Invariant("external_ids_found", PackageResources.external_ids_found_sql),
    Invariant("dedup_keys_found", PackageResources.dedup_keys_found_sql),
    Invariant("duplicates_have_time", PackageResources.duplicates_have_time_sql),
    Invariant("cause_is_older", PackageResources.cause_is_older_sql),
    Invariant("event_numbers_fit", PackageResources.event_numbers_fit_sql),
    Invariant("event_has_origin", PackageResources.event_has_origin_sql),
    Invariant("matched_or_not", PackageResources.matched_or_not_sql),
    Invariant("non_matches_named", PackageResources.non_matches_named_sql),
    Invariant("source_counted_events", PackageResources.source_counted_events_sql),
    Invariant("generation_of_module", PackageResources.generation_of_module_sql),
    Invariant("references_lead_somewhere", PackageResources.references_lead_somewhere_sql),
    Invariant("json_is_json", PackageResources.json_is_json_sql),
    Invariant("one_node", PackageResources.one_node_sql),
    Invariant("migrations_recorded", PackageResources.migrations_recorded_sql),
  ]
}
