/// What is different between two texts, line by line, with a little of what is around it.
///
/// `@@ 12` is the number of the new text's line that follows; then lines that begin with `-`, `+`, or
/// a blank for those that stay.
package struct LineDiff: Sendable, Hashable {
  package private(set) var lines: [String] = []

  /// 5,000 lines: comparing takes time that grows with lines times differences.
  private static let linesMax = 5_000
  /// 200: more is not read by people, and goes into answers of the control socket.
  private static let shownMax = 200
  private static let contextCount = 2

  private enum Edit {
    case same(String)
    case removed(String)
    case added(String)

    var isSame: Bool { if case .same = self { true } else { false } }
  }

  /// - Returns: Nil for what is no text, or too long.
  package init?(from old: [UInt8], to new: [UInt8]) {
    guard let before = LineDiff.split(old), let after = LineDiff.split(new) else { return nil }
    show(LineDiff.edits(before, after))
  }

  private static func split(_ bytes: [UInt8]) -> [String]? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines.count <= linesMax ? lines : nil
  }

  private static func edits(_ old: [String], _ new: [String]) -> [Edit] {
    var removed: Set<Int> = []
    var added: Set<Int> = []
    for change in new.difference(from: old) {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): added.insert(offset)
      }
    }
    var edits: [Edit] = []
    var (from, to) = (0, 0)
    while from < old.count || to < new.count {
      if removed.contains(from), from < old.count {
        edits.append(.removed(old[from]))
        from += 1
      } else if added.contains(to), to < new.count {
        edits.append(.added(new[to]))
        to += 1
      } else {
        edits.append(.same(new[to]))
        (from, to) = (from + 1, to + 1)
      }
    }
    return edits
  }

  private mutating func show(_ edits: [Edit]) {
    var number = 1
    var last = -1
    let count = LineDiff.contextCount
    for (index, edit) in edits.enumerated() {
      defer { if case .removed = edit {} else { number += 1 } }
      let around = edits[max(index - count, 0)..<min(index + count + 1, edits.count)]
      guard around.contains(where: { !$0.isSame }) else { continue }
      guard lines.count < LineDiff.shownMax else {
        lines.append("…")
        return
      }
      if last != index - 1 || lines.isEmpty { lines.append("@@ \(number)") }
      last = index
      switch edit {
      case .same(let text): lines.append(" " + text)
      case .removed(let text): lines.append("-" + text)
      case .added(let text): lines.append("+" + text)
      }
    }
  }
}
