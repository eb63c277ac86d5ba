import Connectors
import Engine

/// What `orgloop test` has to say of one event.
struct EventTestOutcome: Sendable {
  var json: JSONValue
  var text: String
  /// Something matched, and all of it came to its end.
  var isSuccess: Bool
}

/// The lines about one event.
enum EventTestText {
  static func head(_ event: JSONValue) -> String {
    func word(_ key: String) -> String { safe(event[key]?.string ?? "-") }
    let name = event["provenance"]?["platform_event"]?.string.map { " " + safe($0) } ?? ""
    return "event \(word("id")) from \(word("source")) of module \(word("module")): "
      + word("type") + name
  }

  /// A route that listens to the source, and why it does not match.
  static func unmatched(_ name: String, _ reason: String) -> String {
    "· \(safe(name)) does not match: \(safe(reason))"
  }

  static func safe(_ text: some StringProtocol) -> String { SafeText.escaped(text, bytesMax: 500) }
}
