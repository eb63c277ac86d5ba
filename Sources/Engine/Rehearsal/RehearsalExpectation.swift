/// What should become of an event, as a test file says it.
package struct RehearsalExpectation: Sendable {
  /// The routes that match are those named, and no others.
  package var isExact: Bool
  package var routes: [Route]
  package var origin: Origin

  package init(isExact: Bool, routes: [Route], origin: Origin) {
    self.isExact = isExact
    self.routes = routes
    self.origin = origin
  }

  /// What is expected of one route.
  package struct Route: Sendable {
    package var name: RouteAddress
    /// As the file writes it.
    package var written: String
    package var origin: Origin
    package var outcome: Outcome
    /// A transform fails, whatever its policy makes of that, with such a text.
    package var error: Field?
    /// Of the event after the transforms.
    package var transformed: [Field] = []
    /// Of the filled in `then.config`, the prompt's keys included.
    package var config: [Field] = []
    /// Pieces of the prompt.
    package var prompt: [Text] = []
    package var orderKey: Field?
    package var isInbox: Text?

    package init(name: RouteAddress, written: String, origin: Origin, outcome: Outcome) {
      self.name = name
      self.written = written
      self.origin = origin
      self.outcome = outcome
    }
  }

  package enum Outcome: Sendable {
    case notMatched
    /// It matches; what comes then is not looked at.
    case matched
    /// It comes to the actor, or to the inbox.
    case delivered
    /// A transform drops it.
    case dropped(by: Text?, reason: Field?, origin: Origin)
  }

  /// A path and the condition for the value there (config.md 6.3).
  package struct Field: Sendable {
    package var path: DotPath
    package var condition: Condition
    /// The condition as it is written.
    package var shown: String
    package var origin: Origin

    package init(path: DotPath, condition: Condition, shown: String, origin: Origin) {
      self.path = path
      self.condition = condition
      self.shown = shown
      self.origin = origin
    }
  }

  /// A text where it is written.
  package struct Text: Sendable {
    package var text: String
    package var origin: Origin

    package init(_ text: String, at origin: Origin) {
      self.text = text
      self.origin = origin
    }
  }
}

/// Something that is not as it is expected to be.
package struct UnmetExpectation: Sendable, Hashable {
  /// Where the expectation stands.
  package let origin: Origin
  /// What was looked at: `greet: payload.greeting`.
  package let subject: String
  package let expected: String
  package let actual: String

  init(_ origin: Origin, _ subject: String, expected: String, actual: String) {
    self.origin = origin
    self.subject = subject
    self.expected = expected
    self.actual = actual
  }

  /// The same without what may not be told.
  package func hiding(_ redact: (String) -> String) -> UnmetExpectation {
    UnmetExpectation(
      origin, redact(subject), expected: redact(expected), actual: redact(actual))
  }
}

extension RehearsalExpectation {
  /// Everything that is not as expected, in the order of the file; empty when all is.
  ///
  /// - Parameter redact: Hides what may not be told, before texts are escaped and cut; conditions
  ///   look at what is there.
  package func unmet(
    by report: RehearsalReport, hiding redact: @escaping (String) -> String = { $0 }
  ) -> [UnmetExpectation] {
    var unmet: [UnmetExpectation] = []
    for route in routes {
      let delivery = report.deliveries.first { $0.name == route.name }
      switch (route.outcome, delivery) {
      case (.notMatched, nil): break
      case (.notMatched, .some):
        unmet.append(
          UnmetExpectation(
            route.origin, route.written, expected: "the route does not match",
            actual: "it matches"))
      case (_, nil):
        unmet.append(
          UnmetExpectation(
            route.origin, route.written, expected: "the route matches",
            actual: RehearsalExpectation.reason(route.name, report.hiding(redact))))
      case (_, .some(let delivery)):
        unmet += RouteCheck(route: route, delivery: delivery, redact: redact).unmet()
      }
    }
    guard isExact else { return unmet }
    let named = Set(routes.map(\.name))
    for delivery in report.deliveries where !named.contains(delivery.name) {
      unmet.append(
        UnmetExpectation(
          origin, delivery.name.name,
          expected: routes.isEmpty ? "no route matches" : "no other route matches",
          actual: "it matches"))
    }
    return unmet
  }

  private static func reason(_ name: RouteAddress, _ report: RehearsalReport) -> String {
    report.unmatched.first { $0.name == name }?.reason
      ?? "it does not listen to \(report.event.value(at: sourcePath)?.string ?? "this source")"
  }

  private static let sourcePath = DotPath(keys: ["source"])
}

/// What is expected of a route that matches, held against its delivery.
private struct RouteCheck {
  /// 400: enough to see the difference, little enough for a terminal.
  private static let charactersMax = 400

  let route: RehearsalExpectation.Route
  let delivery: RehearsedDelivery
  let redact: (String) -> String

  private var written: String { route.written }
  private var summary: String { redact(delivery.summary) }

  func unmet() -> [UnmetExpectation] {
    let faults = unmetOutcome() + unmetError()
    // Of what never came to be nothing more is said.
    return faults.isEmpty ? unmetDetails() : faults + unmetKey()
  }

  private func unmetOutcome() -> [UnmetExpectation] {
    switch (route.outcome, delivery.end) {
    case (.notMatched, _), (.matched, _), (.delivered, .ready): return []
    case (.delivered, _):
      // Where an error is expected, what its policy makes of it is open.
      guard route.error == nil else { return [] }
      return [
        UnmetExpectation(
          route.origin, written, expected: "the event is delivered", actual: summary)
      ]
    case (.dropped(let by, let reason, _), .dropped(let transform, let text, let word))
    where word != "transform_error" || route.error != nil:
      var unmet: [UnmetExpectation] = []
      if let by, by.text != transform {
        unmet.append(
          UnmetExpectation(
            by.origin, "\(written): dropped.by", expected: by.text, actual: transform))
      }
      if let reason {
        let value = text.map(JSONValue.string) ?? .string(word)
        unmet += check(reason, "dropped.reason", value)
      }
      return unmet
    case (.dropped(_, _, let origin), _):
      return [
        UnmetExpectation(origin, written, expected: "a transform drops the event", actual: summary)
      ]
    }
  }

  private func unmetError() -> [UnmetExpectation] {
    guard let error = route.error else { return [] }
    var texts = delivery.steps.filter { $0.status == .error }.map { $0.reason ?? "" }
    if texts.isEmpty, case .failed(let text, _) = delivery.end { texts.append(text) }
    if texts.contains(where: { error.condition.verdict(for: .string($0)).isHolding }) { return [] }
    return [
      UnmetExpectation(
        error.origin, "\(written): error", expected: error.shown,
        actual: texts.isEmpty ? summary : quoted(texts.joined(separator: "; ")))
    ]
  }

  /// What can be said of a delivery however it ended.
  private func unmetKey() -> [UnmetExpectation] {
    route.orderKey.map { check($0, "order_key", delivery.orderKey.map(JSONValue.string)) } ?? []
  }

  private func unmetDetails() -> [UnmetExpectation] {
    var unmet = unmetKey()
    guard let ready = delivery.ready else {
      let first =
        route.transformed.first?.origin ?? route.config.first?.origin ?? route.prompt.first?.origin
      guard let place = first ?? route.isInbox?.origin else { return unmet }
      unmet.append(
        UnmetExpectation(
          place, written, expected: "the event comes to its end", actual: summary))
      return unmet
    }
    for field in route.transformed {
      unmet += check(field, field.path.description, ready.event.value(at: field.path))
    }
    unmet += unmetConfig(ready)
    for piece in route.prompt where !(ready.prompt ?? "").contains(piece.text) {
      unmet.append(
        UnmetExpectation(
          piece.origin, "\(written): prompt", expected: "contains \(quoted(piece.text))",
          actual: ready.prompt.map(quoted) ?? "the route has no prompt"))
    }
    if let isInbox = route.isInbox, (isInbox.text == "true") != (ready.inboxKey != nil) {
      unmet.append(
        UnmetExpectation(
          isInbox.origin, "\(written): inbox", expected: isInbox.text,
          actual: ready.inboxKey == nil ? "false" : "true"))
    }
    return unmet
  }

  private func unmetConfig(_ ready: RehearsedDelivery.Ready) -> [UnmetExpectation] {
    let config = JSONText(.object(ready.config))
    let shown = JSONText(.object(ready.shownConfig))
    return route.config.flatMap { field in
      let value = config.value(at: field.path)
      // What stands only in the real one is not for telling.
      let told = shown.value(at: field.path) ?? (value == nil ? nil : "***")
      return check(field, "config.\(field.path)", value, shown: told)
    }
  }

  /// - Parameter shown: What is told of the value, where it may not be told itself.
  private func check(
    _ field: RehearsalExpectation.Field, _ place: String, _ value: JSONValue?,
    shown: JSONValue? = nil
  ) -> [UnmetExpectation] {
    let verdict = field.condition.verdict(for: value)
    guard !verdict.isHolding else { return [] }
    let limit = verdict == .regexLimit ? " (the regular expression reached its step limit)" : ""
    let actual = (shown ?? value).map { excerpt(of: $0) } ?? "missing"
    return [
      UnmetExpectation(
        field.origin, "\(written): \(place)", expected: field.shown, actual: actual + limit)
    ]
  }

  private func quoted(_ text: String) -> String { excerpt(of: .string(text)) }

  private func excerpt(of value: JSONValue) -> String {
    let text = JSONText(value.hiding(redact)).description
    return text.count <= RouteCheck.charactersMax
      ? text : text.prefix(RouteCheck.charactersMax) + "…"
  }
}

extension RehearsedDelivery {
  /// What becomes of it, in a few words.
  package var summary: String {
    switch end {
    case .ready(let ready):
      if ready.isHeld { return "held for review by the audit" }
      return ready.inboxKey == nil ? "delivered" : "stored in the inbox"
    case .dropped(let transform, let text, let reason):
      let why = text.map { ": \($0)" } ?? ""
      return reason == "transform_error"
        ? "dropped, because \(transform) failed\(why)" : "dropped by \(transform)\(why)"
    case .failed(let text, let state):
      return state == "dead" ? "dead: \(text)" : "failed, to be tried again: \(text)"
    }
  }
}
