/// The did-you-mean rule (config.md 13.1).
package enum Suggestion {
  /// 100: names are short, and comparing two of a MiB would take hours.
  private static let charactersMax = 100

  /// The candidate nearest to a word: at most a third of the longer word away, or one edit.
  ///
  /// - Complexity: candidates × lengths; only reached when a name is wrong.
  package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let lengthMax = charactersMax
    guard word.utf8.count <= 4 * lengthMax else { return nil }
    let letters = Array(word.lowercased().unicodeScalars)
    var best: (name: String, distance: Int)?
    for candidate in candidates
    where candidate != word && candidate.utf8.count <= 4 * lengthMax {
      let other = Array(candidate.lowercased().unicodeScalars)
      let allowed = max(1, max(letters.count, other.count) / 3)
      let limit = min(allowed, (best?.distance ?? .max) - 1)
      guard limit >= 0, abs(letters.count - other.count) <= limit else { continue }
      let distance = distance(letters, other)
      if distance <= limit { best = (candidate, distance) }
    }
    return best?.name
  }

  /// Levenshtein: insertions, deletions and replacements.
  private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let cost = a == b ? diagonal : diagonal + 1
        diagonal = row[j + 1]
        row[j + 1] = min(cost, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
