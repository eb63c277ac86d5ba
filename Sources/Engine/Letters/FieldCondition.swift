import Store

/// `--where PATH=VALUE`: an event has that value there (config.md 6.3, scalars).
package struct FieldCondition: Sendable, Hashable {
  package let path: DotPath
  /// A string, number, boolean or null.
  package let value: JSONValue

  /// - Returns: Nil when the path is none or the value is no scalar.
  package init?(path: String, value: JSONValue) {
    guard let path = DotPath(path), value.array == nil, value.object == nil else { return nil }
    self.path = path
    self.value = value
  }

  /// From `payload.kind=push`. Numbers, `true`, `false`, `null` and quoted text mean what they mean
  /// in YAML; everything else is text.
  package init?(_ text: String) {
    guard let sign = text.firstIndex(of: "=") else { return nil }
    let word = String(text[text.index(after: sign)...])
    // What is no JSON is text as it stands.
    let parsed = try? JSONText(checking: Array(word.utf8)).value()
    let isScalar = parsed.map { $0.array == nil && $0.object == nil } ?? false
    self.init(
      path: String(text[..<sign]), value: isScalar ? parsed ?? .string(word) : .string(word))
  }

  package func holds(for event: EventView) -> Bool {
    Condition.equals(value).verdict(for: event.slice(at: path)).isHolding
  }
}

extension EventView {
  /// An event that is stored.
  init(_ row: EventRow, source: String, module: String) {
    self.init(
      source: source, module: module, type: EventType(code: row.type) ?? .resourceChanged,
      timestampMs: row.acceptedAtMs, provenance: JSONText(checked: row.provenance),
      payload: JSONText(checked: row.payload), extra: row.extra.map(JSONText.init(checked:)),
      traceID: row.traceID)
  }
}
