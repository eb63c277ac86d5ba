import Store

/// That a route's events are stored for collection (config.md 8).
package struct InboxPolicy: Sendable, Hashable {
  /// How long an entry waits.
  package var ttlMs: Int64
  /// Most entries that one drain gives.
  package var batchMax: Int

  package init(ttlMs: Int64 = 3_600_000, batchMax: Int = 100) {
    self.ttlMs = ttlMs
    self.batchMax = batchMax
  }

  /// The key under which an event is stored, from a filled in `then.config`.
  ///
  /// - Throws: ``EngineError`` `.invalid` for one that no inbox has.
  static func sessionKey(_ config: JSONObject) throws(EngineError) -> String {
    guard let key = config["session_key"]?.string, !key.isEmpty,
      key.utf8.count <= InboxEntry.keyBytesMax
    else {
      throw EngineError(
        .invalid,
        "session_key is empty or longer than \(InboxEntry.keyBytesMax) bytes: no inbox has it")
    }
    // It is a part of a command that is shown and run: no argument can have a NUL, and what moves
    // the cursor of a terminal hides what it does.
    guard !key.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw EngineError(.invalid, "session_key has a control character: no inbox has it")
    }
    return key
  }
}
