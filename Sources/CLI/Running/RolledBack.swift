import Engine
import Synchronization

/// That what runs is an older configuration than the files say, for `status`.
///
/// It ends with the next apply, and with the process: a start reads the files.
final class RolledBack: Sendable {
  private let note = Mutex<JSONObject?>(nil)

  func set(generation: Int64, by requester: String, filesDiffer: Bool, atMs: Int64) {
    note.withLock {
      $0 = [
        "generation": JSONValue(generation), "by": .string(requester),
        "at": .string(ISOTime.text(ms: atMs)), "files_differ": .bool(filesDiffer),
      ]
    }
  }

  func clear() { note.withLock { $0 = nil } }

  /// `{generation, by, at, files_differ}`; nil when the files were applied since.
  var json: JSONValue? { note.withLock { $0.map(JSONValue.object) } }
}
