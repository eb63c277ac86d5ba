import Engine
import HTTPTypes

/// What a path means: the whole routing table.
///
/// Paths are compared whole and in their own case; there is no prefix matching, so a path that is
/// not in the table is not served by something near it (reliability.md 4, W13).
enum Endpoint: Sendable, Equatable {
  case webhook(module: String?, source: String)
  /// A path that only a source with `config.path` can have.
  case mounted(path: String)
  case live
  case ready
  case status
  case events
  case event(id: String)
  /// Its whole trace.
  case trace(id: String)
  /// Why it went where it did.
  case why(id: String)
  /// What the database knows of one object of the configuration.
  case inspect
  case letters
  case letter(id: String)
  case letterOrder(LetterOrder.Action)
  case replay
  /// Keys of the inbox under which something waits.
  case inboxList
  case inboxStatus
  case inboxDrain
  case inboxRestore
  case moduleList
  case module(String)
  /// A change, by POST.
  case order(ControlOrder)
  /// Below a reserved word, but nothing.
  case unknown(Area)

  /// Who may see an endpoint (cli-http.md 3.1).
  enum Area: Sendable {
    /// Open: each source checks signatures.
    case webhooks
    case health
    /// The Unix socket; on TCP only when it is switched on, and with the token.
    case control
  }

  init(_ target: RequestTarget) {
    let segments = target.segments
    switch (segments[0], segments.count) {
    case ("webhook", 2...3) where !segments.contains(""):
      self = .webhook(module: segments.count == 3 ? segments[1] : nil, source: segments.last ?? "")
    case ("webhook", 2...): self = .unknown(.webhooks)
    case ("livez", 1): self = .live
    case ("readyz", 1), ("healthz", 1): self = .ready
    case ("livez", _), ("readyz", _), ("healthz", _): self = .unknown(.health)
    case ("api", _): self = Endpoint.api(segments.dropFirst())
    case ("control", _): self = Endpoint.control(segments.dropFirst())
    case ("metrics", _): self = .unknown(.control)
    default: self = .mounted(path: target.path)
    }
  }

  private static func api(_ segments: ArraySlice<String>) -> Endpoint {
    switch (segments.first, segments.count) {
    case ("status", 1): .status
    case ("events", 1): .events
    case ("events", 2) where segments.last != "": .event(id: segments.last ?? "")
    case ("events", 3): Endpoint.event(segments)
    case ("inspect", 1): .inspect
    case ("dlq", 1): .letters
    case ("dlq", 2) where segments.last != "": Endpoint.letter(segments.last ?? "")
    case ("replay", 1): .replay
    case ("inbox", 2): Endpoint.inbox(segments)
    default: .unknown(.control)
    }
  }

  private static func letter(_ word: String) -> Endpoint {
    LetterOrder.Action(rawValue: word).map { .letterOrder($0) } ?? .letter(id: word)
  }

  /// `events/<id>/why` and `events/<id>/trace`.
  private static func event(_ segments: ArraySlice<String>) -> Endpoint {
    let id = segments.dropFirst().first ?? ""
    return switch segments.last {
    case "why" where id != "": .why(id: id)
    case "trace" where id != "": .trace(id: id)
    default: .unknown(.control)
    }
  }

  private static func inbox(_ segments: ArraySlice<String>) -> Endpoint {
    switch segments.last {
    case "list": .inboxList
    case "status": .inboxStatus
    case "drain": .inboxDrain
    case "restore": .inboxRestore
    default: .unknown(.control)
    }
  }

  private static func control(_ segments: ArraySlice<String>) -> Endpoint {
    if let order = ControlOrder(segments) { return .order(order) }
    let words = Array(segments.prefix(2))
    switch (words, segments.count) {
    case (["status"], 1): return .status
    case (["module", "list"], 2): return .moduleList
    case (["module", "status"], 3) where segments.last != "":
      return .module(segments.last ?? "")
    default: return .unknown(.control)
    }
  }

  var area: Area {
    switch self {
    case .webhook, .mounted: .webhooks
    case .live, .ready: .health
    case .status, .events, .event, .trace, .why, .inspect, .letters, .letter, .letterOrder, .replay,
      .inboxList, .inboxStatus, .inboxDrain, .inboxRestore,
      .moduleList, .module, .order:
      .control
    case .unknown(let area): area
    }
  }

  /// The methods that are served; every one that is not GET or HEAD changes something.
  var methods: [HTTPRequest.Method] {
    switch self {
    case .webhook, .mounted, .order, .letterOrder, .replay, .inboxDrain, .inboxRestore: [.post]
    case .live, .ready, .status, .event, .trace, .why, .inspect, .letters, .letter, .moduleList,
      .module,
      .inboxList, .inboxStatus:
      [.get, .head]
    case .events: [.get, .head, .post]
    case .unknown: []
    }
  }
}
