import Store

/// Dead letters, to be looked at (cli-http.md 2.4, `dlq list` and `dlq show`).
extension Inspector {
  /// One page, newest first.
  ///
  /// - Throws: ``EngineError`` `.invalid` for a cursor that is none, `.moduleNotFound`.
  package func letters(_ query: LetterQuery) async throws -> EventPage {
    let query = try await reader.resolved(query)
    var place: LetterPlace?
    if let after = query.events.after {
      guard let number = Int64(after), number > 0 else {
        throw EngineError(.invalid, "after is not a cursor of this list")
      }
      place = LetterPlace(delivery: number)
    }
    let limit = min(max(query.events.limit, 1), 1_000)
    let isFiltered = !query.events.conditions.isEmpty
    var found: [Letter] = []
    while found.count < limit {
      let page = try await reader.letters(
        query.filter(), oldestFirst: false, from: place,
        limit: isFiltered ? Limits.queuePageMax : limit - found.count, withEvents: isFiltered)
      found += query.matching(page.letters)
      place = page.letters.last?.place ?? place
      if page.isLast { break }
    }
    let isFull = found.count >= limit
    found = Array(found.prefix(limit))
    let next = isFull ? found.last.map { String($0.place.delivery) } : nil
    return EventPage(items: found.map(Inspector.json), next: next)
  }

  /// How many there are: `[{route|actor|error, module?, count, oldest, newest}]`, most first.
  package func letterCounts(
    _ query: LetterQuery, by group: LetterGroup
  ) async throws -> [JSONValue] {
    let query = try await reader.resolved(query)
    struct Key: Hashable {
      let module: String?
      let name: String
    }
    var counts: [Key: (count: Int, oldest: Int64, newest: Int64)] = [:]
    var place: LetterPlace?
    while true {
      let page = try await reader.letters(
        query.filter(), oldestFirst: true, from: place, limit: 1_000,
        withEvents: !query.events.conditions.isEmpty)
      for letter in query.matching(page.letters) {
        let (summary, atMs) = (letter.summary, letter.acceptedAtMs)
        let key =
          switch group {
          case .route: Key(module: summary.module, name: summary.route)
          case .actor: Key(module: nil, name: summary.actor)
          case .error:
            Key(module: nil, name: letter.error ?? summary.reason ?? summary.waitReason ?? "")
          }
        let known = counts[key] ?? (0, atMs, atMs)
        counts[key] = (known.count + 1, min(known.oldest, atMs), max(known.newest, atMs))
      }
      guard !page.isLast else { break }
      place = page.letters.last?.place
    }
    let sorted = counts.sorted { ($1.value.count, $0.key.name) < ($0.value.count, $1.key.name) }
    return sorted.map { key, value in
      var object: JSONObject = [group.rawValue: .string(key.name)]
      object["module"] = key.module.map(JSONValue.string)
      object["count"] = JSONValue(value.count)
      object["oldest"] = .string(ISOTime.text(ms: value.oldest))
      object["newest"] = .string(ISOTime.text(ms: value.newest))
      return .object(object)
    }
  }

  /// A delivery with its event, the event as the transforms left it, and every attempt with its
  /// answer; nil when there is none.
  ///
  /// - Parameter id: Of a delivery or of one of its attempts.
  package func letter(id given: String) async throws -> JSONValue? {
    let id = String(given.prefix { $0 != "/" })
    guard id.hasPrefix("dlv_"), let detail = try await reader.event(id: id),
      let delivery = detail.summary.deliveries.first(where: { $0.id == id }),
      case .object(var object) = Inspector.json(
        delivery, attempts: detail.attempts[delivery.number] ?? [])
    else { return nil }
    object["event"] = JSONText(checked: detail.envelope).value()
    let transformed = try await reader.transformedEvent(delivery: delivery.number)
    object["transformed"] = transformed.map { JSONText(checked: $0).value() } ?? .null
    return .object(object)
  }

  private static func json(_ letter: Letter) -> JSONValue {
    let summary = letter.summary
    return [
      "id": .string(summary.id),
      "event_id": .string(letter.eventID),
      "module": .string(summary.module),
      "route": .string(summary.route),
      "actor": .string(summary.actor),
      "state": .string(summary.state),
      "reason": JSONValue(summary.reason ?? summary.waitReason),
      "attempts": JSONValue(summary.attempts),
      "error": JSONValue(letter.error),
      "status_code": letter.statusCode.map { JSONValue($0) } ?? .null,
      "source": .string(letter.source),
      "type": JSONValue(EventType(code: letter.type)?.rawValue),
      "platform_event": JSONValue(letter.platformEvent),
      "order_key": JSONValue(summary.orderKey),
      "generation": JSONValue(summary.generation),
      "replay_id": JSONValue(summary.replay),
      "accepted_at": .string(ISOTime.text(ms: letter.acceptedAtMs)),
      "created_at": .string(summary.createdAt),
      "settled_at": JSONValue(summary.settledAt),
    ]
  }
}
