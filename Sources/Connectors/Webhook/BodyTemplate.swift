import Engine

/// The `body_template` of a webhook actor (connectors.md 3.2).
///
/// One pass: what an event puts in is never looked at again for placeholders (reliability.md 4,
/// T1). A string that is exactly one placeholder takes the value with its type.
struct BodyTemplate: Sendable {
  private let template: JSONValue

  init(_ template: JSONValue) { self.template = template }

  /// What placeholders can name.
  struct Context {
    var event: JSONText
    /// `launch_prompt`, `config`, `delivery`, … by name; whatever else a path begins with is
    /// looked up in the event, as in `then.config`.
    var values: JSONObject

    func value(_ path: String) -> JSONValue? {
      if path == "event" { return event.value() }
      guard let dotPath = DotPath(path), let first = dotPath.segments.first else { return nil }
      // DotPath drops a leading "event.", so what is left is a path in the event.
      if !path.hasPrefix("event."), values[first.key] != nil {
        return JSONValue.object(values).value(at: dotPath)
      }
      return event.value(at: dotPath)
    }
  }

  func render(_ context: Context) -> JSONValue { render(template, context) }

  private func render(_ value: JSONValue, _ context: Context) -> JSONValue {
    switch value {
    case .string(let text):
      if let path = BodyTemplate.onlyPlaceholder(text) { return context.value(path) ?? "" }
      return .string(BodyTemplate.fill(text, context))
    case .array(let list):
      return .array(list.map { render($0, context) })
    case .object(let object):
      return .object(
        JSONObject(
          object.members.map {
            JSONObject.Member(key: $0.key, value: render($0.value, context))
          }))
    default:
      return value
    }
  }

  /// The path of a text that is nothing but one `{{ path }}`.
  private static func onlyPlaceholder(_ text: String) -> String? {
    guard text.hasPrefix("{{"), text.hasSuffix("}}"), text.count >= 4 else { return nil }
    let inner = text.dropFirst(2).dropLast(2)
    guard !inner.contains("{{"), !inner.contains("}}") else { return nil }
    return trimmed(inner)
  }

  /// Replaces each placeholder with text; `\{{` is a literal `{{`, and an unclosed one stays.
  private static func fill(_ text: String, _ context: Context) -> String {
    var result = ""
    var rest = text[...]
    while let open = rest.firstRange(of: "{{") {
      let before = rest[..<open.lowerBound]
      if before.last == "\\" {
        result += before.dropLast() + "{{"
        rest = rest[open.upperBound...]
        continue
      }
      guard let close = rest[open.upperBound...].firstRange(of: "}}") else { break }
      let path = trimmed(rest[open.upperBound..<close.lowerBound])
      result += before + (context.value(path)?.templateText ?? "")
      rest = rest[close.upperBound...]
    }
    return result + rest
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
