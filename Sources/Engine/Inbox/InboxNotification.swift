import Store

/// The event that tells an actor what waits for it (events.md 7.2): sent to the route's actor
/// itself, not routed.
package enum InboxNotification {
  static let platformEvent = "inbox.notification"

  /// What is known without a runtime: no budget is held against it.
  static func text(_ state: InboxKeyState) -> InboxTidings {
    var provenance: JSONObject = [
      "platform": "orgloop", "platform_event": .string(platformEvent), "author_type": "system",
    ]
    if state.isOfSystemEvent { provenance[systemMark] = true }
    let payload: JSONObject = [
      "kind": .string(platformEvent), "session_key": .string(state.sessionKey),
      "pending_count": JSONValue(state.pending),
      "oldest_event_at": .string(ISOTime.text(ms: state.oldestMs)),
      "drain_command": .string(drainCommand(state.sessionKey, module: state.module)),
      "instructions":
        "Run drain_command and work through the events it prints, oldest first; repeat it while continuation is not null.",
    ]
    return InboxTidings(
      provenance: JSONText(.object(provenance)).bytes, payload: JSONText(.object(payload)).bytes)
  }

  /// In the provenance where the newest entry is an event of the runtime's own.
  fileprivate static let systemMark = "of_system_event"

  /// What collects a key, quoted for a POSIX shell.
  package static func drainCommand(_ sessionKey: String, module: String) -> String {
    // What begins with a hyphen would be taken for the next option.
    let glue = sessionKey.unicodeScalars.first == "-" ? "=" : " "
    var command = "orgloop inbox drain --key\(glue)\(quoted(sessionKey)) --format json"
    // The names of modules need no quotes.
    if module != "default" { command += " --module \(module)" }
    return command
  }

  /// POSIX, Shell Command Language 2.2: within double quotes these keep a meaning (the last in
  /// interactive shells), within single quotes nothing does. Scalar by scalar: a combining mark
  /// makes one `Character` with what it follows, and the shell knows no such thing.
  private static func quoted(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { "\\\"$`!".unicodeScalars.contains($0) }) else {
      return "\"\(text)\""
    }
    var quoted = "'"
    for scalar in text.unicodeScalars {
      if scalar == "'" {
        quoted.unicodeScalars.append(contentsOf: "'\\''".unicodeScalars)
      } else {
        quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "'"
  }
}

extension AcceptedEvent {
  /// Nobody else can make one: the source is reserved.
  var isInboxNotification: Bool {
    guard source == SystemEvent.sourceID, type == .messageReceived else { return false }
    return provenance.value()["platform_event"]?.string == InboxNotification.platformEvent
  }

  /// A delivery of the runtime's own event makes no further one, so that an alarm does not feed
  /// itself (events.md 7). What tells of an inbox speaks for the events in it.
  var isSilent: Bool {
    guard source == SystemEvent.sourceID else { return false }
    return !isInboxNotification
      || provenance.value()[InboxNotification.systemMark]?.bool == true
  }
}
