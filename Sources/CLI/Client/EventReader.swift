import Engine

/// Reads events from the runtime when one answers, else from the database.
struct EventReader: Sendable {
  let client: RuntimeClient?
  let database: Database

  /// One page, newest first.
  func page(_ query: EventQuery) async throws -> EventPage {
    guard let client else { return try await database.read { try await $0.events(query) } }
    let answer = try await client.get("/api/events" + EventReader.parameters(query))
    return EventPage(items: answer.body.array ?? [], next: answer.next)
  }

  /// An event by its id, or that of its trace or one of its deliveries; nil when there is none.
  func event(_ id: String) async throws -> JSONValue? {
    try await ask("/api/events/" + URLText.encode(id)) { try await $0.event(id: id) }
  }

  /// A whole trace, by the id of an event, a trace, a delivery or an attempt; nil when there is
  /// none.
  func trace(of id: String, limit: Int) async throws -> JSONValue? {
    let path = EventReader.path(id, "trace") + URLText.query([("limit", String(limit))])
    return try await ask(path) {
      try await $0.trace(of: id, limit: limit, nowMs: TimeSource.system.wallMs)
    }
  }

  /// Why an event went where it did; nil when there is none.
  func why(_ id: String, route: String?) async throws -> JSONValue? {
    try await ask(EventReader.path(id, "why") + URLText.query([("route", route)])) {
      try await $0.why(id, route: route, nowMs: TimeSource.system.wallMs)
    }
  }

  /// An attempt is asked for by its delivery: a slash would end the id in a path.
  private static func path(_ id: String, _ question: String) -> String {
    "/api/events/" + URLText.encode(String(id.prefix { $0 != "/" })) + "/" + question
  }

  private func ask(
    _ path: String, _ read: (Inspector) async throws -> JSONValue?
  ) async throws -> JSONValue? {
    guard let client else { return try await database.read(read) }
    do {
      return try await client.get(path).body
    } catch let failure as Failure where failure.status == 404 {
      return nil
    }
  }

  /// One page of dead letters, newest first.
  func letters(_ query: LetterQuery) async throws -> EventPage {
    guard let client else { return try await database.read { try await $0.letters(query) } }
    let page = [("limit", String(query.events.limit)), ("after", query.events.after)]
    let answer = try await client.get("/api/dlq" + EventReader.parameters(query, page))
    return EventPage(items: answer.body.array ?? [], next: answer.next)
  }

  func letterCounts(_ query: LetterQuery, by group: LetterGroup) async throws -> [JSONValue] {
    guard let client else {
      return try await database.read { try await $0.letterCounts(query, by: group) }
    }
    let path = "/api/dlq" + EventReader.parameters(query, [("count_by", group.rawValue)])
    return try await client.get(path).body.array ?? []
  }

  /// A delivery with everything that is known of it; nil when there is none.
  func letter(_ id: String) async throws -> JSONValue? {
    let id = String(id.prefix { $0 != "/" })
    return try await ask("/api/dlq/" + URLText.encode(id)) { try await $0.letter(id: id) }
  }

  private static func parameters(
    _ query: LetterQuery, _ more: [(String, String?)]
  ) -> String {
    let filters = query.json.members.map { member in
      (member.key, Optional(member.value.string ?? JSONText(member.value).description))
    }
    return URLText.query(filters + more)
  }

  private static func parameters(_ query: EventQuery) -> String {
    URLText.query([
      ("from", query.fromMs.map(ISOTime.text)), ("to", query.toMs.map(ISOTime.text)),
      ("module", query.module), ("source", query.source), ("route", query.route),
      ("actor", query.actor), ("type", query.type?.rawValue),
      ("platform_event", query.platformEvent), ("state", query.state),
      ("where", query.json["where"].map { JSONText($0).description }),
      ("limit", String(query.limit)), ("after", query.after),
    ])
  }
}

/// Shows events as they come, by asking again and again.
struct EventFollower {
  /// 500 ms: soon enough for a person, and two small questions a second for the runtime.
  private static let pause = Duration.milliseconds(500)

  let reader: EventReader
  let query: EventQuery
  let output: Output

  /// Runs until the process is ended.
  func run() async throws {
    var newest: String?
    var isFirst = true
    while true {
      let items = try await unseen(after: newest, isFirst: isFirst)
      for item in items.reversed() { output.line(item, EventTable.line(item)) }
      newest = items.first?["event_id"]?.string ?? newest
      isFirst = false
      try await ContinuousClock().sleep(for: EventFollower.pause)
    }
  }

  /// The events that came after `newest`, newest first; the first time one page.
  private func unseen(after newest: String?, isFirst: Bool) async throws -> [JSONValue] {
    var query = query
    var found: [JSONValue] = []
    while true {
      let page = try await reader.page(query)
      for item in page.items {
        if item["event_id"]?.string == newest { return found }
        found.append(item)
      }
      guard !isFirst, newest != nil, let next = page.next else { return found }
      query.after = next
    }
  }
}
