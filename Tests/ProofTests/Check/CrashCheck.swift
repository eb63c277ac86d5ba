import Store
import TestSupport

/// What a file must keep after a crash at one place of a recorded run.
struct CrashCheck: Sendable {
  /// Promises that hold at that place.
  let promises: [Fact]
  /// What the tables may hold: the last commit, or the one under way; nil where nothing was
  /// committed yet.
  let contents: Set<Int>?

  /// Opens the file with the real store, which recovers it, and compares it with what must be.
  func findings(inFile path: String) -> [Finding] {
    do {
      try EventStore(path: path).close()
      let rules = try Invariants.violations(inFile: path).map {
        Finding(rule: .invariant, text: $0)
      }
      let account = try Account(ofFile: path)
      return rules + broken(account) + (try unexpectedContent(path))
    } catch {
      return [Finding(rule: .opening, text: "\(error)")]
    }
  }

  private func broken(_ account: Account) -> [Finding] {
    var findings = promises.filter { !account.knows($0) }
      .map { Finding(rule: .promise, text: "\($0)") }
    let expected = Set(0..<account.checkpoint)
    if account.polled != expected {
      let missing = expected.subtracting(account.polled).sorted()
      let more = account.polled.subtracting(expected).sorted()
      findings.append(
        Finding(
          rule: .checkpoint,
          text: "checkpoint \(account.checkpoint), missing \(missing), beyond it \(more)"))
    }
    return findings
  }

  private func unexpectedContent(_ path: String) throws -> [Finding] {
    guard let contents, try !contents.contains(SQLiteFile(path).contentHash()) else { return [] }
    return [Finding(rule: .prefix, text: "neither of \(contents.count) contents")]
  }
}
