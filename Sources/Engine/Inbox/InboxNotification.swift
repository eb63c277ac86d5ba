import Store

/// The event that tells an actor what waits for it (events.md 7.2): sent to the route's actor
/// itself, not routed.
enum InboxNotification {
  static let platformEvent = "inbox.notification"

  static func text(_ state: InboxKeyState) -> (provenance: [UInt8], payload: [UInt8]) {
    let provenance: JSONObject = [
      "platform": "orgloop", "platform_event": .string(platformEvent), "author_type": "system",
    ]
    let payload: JSONObject = [
      "kind": .string(platformEvent), "session_key": .string(state.sessionKey),
      "pending_count": JSONValue(state.pending),
      "oldest_event_at": .string(ISOTime.text(ms: state.oldestMs)),
      "drain_command": .string(drainCommand(state.sessionKey, module: state.module)),
      "instructions":
        "Run drain_command and work through the events it prints, oldest first; repeat it while continuation is not null.",
    ]
    return (JSONText(.object(provenance)).bytes, JSONText(.object(payload)).bytes)
  }

  /// What collects a key, quoted for a POSIX shell.
  static func drainCommand(_ sessionKey: String, module: String) -> String {
    var command = "orgloop inbox drain --key \"\(quoted(sessionKey))\" --format json"
    // The names of modules need no quotes.
    if module != "default" { command += " --module \(module)" }
    return command
  }

  /// POSIX, Shell Command Language 2.2.3: within double quotes these four keep their meaning.
  private static func quoted(_ text: String) -> String {
    text.reduce(into: "") { quoted, character in
      if "\\\"$`".contains(character) { quoted.append("\\") }
      quoted.append(character)
    }
  }
}

extension AcceptedEvent {
  /// Nobody else can make one: the source is reserved.
  var isInboxNotification: Bool {
    guard source == SystemEvent.sourceID, type == .messageReceived else { return false }
    return provenance.value()["platform_event"]?.string == InboxNotification.platformEvent
  }
}
