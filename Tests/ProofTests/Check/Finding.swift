/// A broken promise that a crash brought to light.
struct Finding: Sendable, CustomStringConvertible {
  enum Rule: String, Sendable, CaseIterable {
    case opening = "the file can be opened"
    case invariant = "the file keeps its rules"
    case promise = "what somebody was told is there"
    case checkpoint = "a checkpoint is not ahead of its events"
    case prefix = "the file is as after its last commit, or as after the one under way"
    case settled = "what has ended does not come back"
    case repetition = "a request that was answered is answered the same when it is repeated"
    case attempt = "an attempt that was begun counts"
    case outcome = "every event has its outcomes in the end"
  }

  let rule: Rule
  let text: String
  /// Where it happened, such as `power cut after change 812`.
  var crash = ""

  var description: String { "\(crash): \(rule.rawValue): \(text)" }
}
