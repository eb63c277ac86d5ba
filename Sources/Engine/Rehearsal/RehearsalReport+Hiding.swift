extension JSONValue {
  /// The same with every text and every key passed through `redact`.
  package func hiding(_ redact: (String) -> String) -> JSONValue {
    switch self {
    case .string(let text): .string(redact(text))
    case .array(let list): .array(list.map { $0.hiding(redact) })
    case .object(let object): .object(object.hiding(redact))
    default: self
    }
  }
}

extension JSONObject {
  fileprivate func hiding(_ redact: (String) -> String) -> JSONObject {
    JSONObject(
      members.map { Member(key: redact($0.key), value: $0.value.hiding(redact)) })
  }
}

extension RehearsalReport {
  /// The same without what may not be told: for showing, before anything is escaped or cut.
  package func hiding(_ redact: (String) -> String) -> RehearsalReport {
    RehearsalReport(
      event: JSONText(event.value().hiding(redact)),
      deliveries: deliveries.map { $0.hiding(redact) },
      unmatched: unmatched.map { each in
        UnmatchedRoute(
          name: each.name, path: redact(each.path), expected: redact(each.expected),
          actual: each.actual.map { actual(each.path, $0, redact) },
          isRegexLimit: each.isRegexLimit)
      }, asleep: asleep)
  }

  /// The beginning of a value may end within what is to be hidden, so the whole is asked.
  private func actual(
    _ path: String, _ beginning: String, _ redact: (String) -> String
  ) -> String {
    guard let value = DotPath(path).flatMap({ event.value(at: $0) }) else {
      return redact(beginning)
    }
    let hidden = value.hiding(redact)
    guard hidden != value else { return redact(beginning) }
    let text = hidden.string ?? JSONText(hidden).description
    let whole = JSONSlice(whole: JSONText(.string(text)))
    return whole.excerpt(
      characters: RoutingDecision.NonMatch.actualCharactersMax, ofEnd: beginning.hasPrefix("…"))
  }
}

extension RehearsedDelivery {
  fileprivate func hiding(_ redact: (String) -> String) -> RehearsedDelivery {
    var hidden = RehearsedDelivery(
      name: name, route: route, deliveryID: deliveryID, orderKey: orderKey.map(redact))
    hidden.steps = steps.map { step in
      Step(
        name: step.name, status: step.status, durationMs: step.durationMs,
        reason: step.reason.map(redact))
    }
    switch end {
    case .ready(let ready): hidden.end = .ready(ready.hiding(redact))
    case .dropped(let transform, let text, let reason):
      hidden.end = .dropped(by: transform, text: text.map(redact), reason: reason)
    case .failed(let text, let state): hidden.end = .failed(redact(text), state: state)
    }
    return hidden
  }
}

extension RehearsedDelivery.Ready {
  fileprivate func hiding(_ redact: (String) -> String) -> Self {
    var hidden = self
    hidden.event = JSONText(event.value().hiding(redact))
    hidden.config = config.hiding(redact)
    hidden.shownConfig = shownConfig.hiding(redact)
    hidden.prompt = prompt.map(redact)
    hidden.promptFallback = promptFallback.map(redact)
    hidden.inboxKey = inboxKey.map(redact)
    hidden.flags = flags.map { AuditFlag($0.type, $0.severity, redact($0.message)) }
    return hidden
  }
}
