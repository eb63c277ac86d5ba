/// The runtime's own events (events.md 7): source `orgloop`, routed like any other.
enum SystemEvent {
  /// The source id that is reserved for them.
  static let sourceID = "orgloop"

  /// - Parameter name: A `platform_event` of events.md 7.1, such as `delivery.dead_lettered`.
  static func draft(_ name: String, _ payload: JSONObject) -> EventDraft {
    EventDraft(
      type: .resourceChanged,
      provenance: JSONText([
        "platform": "orgloop", "platform_event": .string(name), "author_type": "system",
      ]),
      payload: JSONText(.object(payload)))
  }
}
