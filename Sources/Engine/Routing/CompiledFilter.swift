/// A filter whose paths and conditions are numbered, so that what many routes ask is answered once
/// per event.
struct CompiledFilter: Sendable {
  let entries: [Entry]
  let anyOf: [CompiledFilter]

  /// One path and its condition.
  struct Entry: Sendable {
    /// Position in ``FilterVocabulary/paths``.
    let path: Int
    /// The same number for the same condition on the same path, in whatever route.
    let question: Int
    let condition: Condition
  }
}

/// The numbers given to paths and to (path, condition) pairs while a table is built.
struct FilterVocabulary {
  private(set) var paths: [DotPath] = []
  private var pathNumbers: [DotPath: Int] = [:]
  private var questionNumbers: [Question: Int] = [:]

  private struct Question: Hashable {
    let path: Int
    let condition: Condition
    /// Swift calls canonically equivalent strings equal; conditions on them are two questions.
    let text: [UInt8]

    init(path: Int, condition: Condition) {
      self.path = path
      self.condition = condition
      text = Array(condition.description.utf8)
    }
  }

  mutating func compile(_ filter: Filter) -> CompiledFilter {
    let entries = filter.entries.map { entry in
      let path = number(of: entry.path)
      return CompiledFilter.Entry(
        path: path, question: number(of: Question(path: path, condition: entry.condition)),
        condition: entry.condition)
    }
    return CompiledFilter(entries: entries, anyOf: filter.anyOf.map { compile($0) })
  }

  private mutating func number(of path: DotPath) -> Int {
    if let number = pathNumbers[path] { return number }
    pathNumbers[path] = paths.count
    paths.append(path)
    return paths.count - 1
  }

  private mutating func number(of question: Question) -> Int {
    let number = questionNumbers[question] ?? questionNumbers.count
    questionNumbers[question] = number
    return number
  }
}

/// Answers questions about one event and remembers a few of the answers.
///
/// The memory is short and searched from the front: routes of one source mostly ask the same few
/// paths, and what does not fit is looked up again.
struct EventReader {
  private let event: EventView
  private let paths: [DotPath]
  private var values: [(path: Int, slice: JSONSlice?)] = []
  private var verdicts: [(question: Int, verdict: ConditionVerdict)] = []
  private var excerpts: [(path: Int, isEnd: Bool, text: String?)] = []
  /// Values looked up and conditions evaluated so far.
  private(set) var workCount = 0
  private var steps = RegexSteps()

  /// 16: searching more costs as much as looking up.
  private static let remembered = 16

  init(_ event: EventView, paths: [DotPath]) {
    self.event = event
    self.paths = paths
  }

  mutating func slice(at path: Int) -> JSONSlice? {
    for value in values where value.path == path { return value.slice }
    workCount += 1
    let slice = event.slice(at: paths[path])
    if values.count < EventReader.remembered { values.append((path, slice)) }
    return slice
  }

  mutating func verdict(of entry: CompiledFilter.Entry) -> ConditionVerdict {
    for known in verdicts where known.question == entry.question { return known.verdict }
    let slice = slice(at: entry.path)
    workCount += 1
    let verdict = entry.condition.verdict(for: slice, &steps)
    if verdicts.count < EventReader.remembered { verdicts.append((entry.question, verdict)) }
    return verdict
  }

  /// Whether all entries and, of a `$or`, one alternative hold.
  mutating func verdict(of filter: CompiledFilter) -> ConditionVerdict {
    for entry in filter.entries {
      let verdict = verdict(of: entry)
      if verdict != .holds { return verdict }
    }
    return filter.anyOf.isEmpty ? .holds : verdict(ofAny: filter.anyOf)
  }

  /// `holds` when one alternative does; else `regexLimit` when one of them reached it.
  mutating func verdict(ofAny filters: [CompiledFilter]) -> ConditionVerdict {
    var result = ConditionVerdict.fails
    for filter in filters {
      switch verdict(of: filter) {
      case .holds: return .holds
      case .regexLimit: result = .regexLimit
      case .fails: break
      }
    }
    return result
  }

  /// The part of a value that a condition is about, for the decision record; nil when there is none.
  mutating func excerpt(for entry: CompiledFilter.Entry) -> String? {
    let (path, isEnd) = (entry.path, entry.condition.isAboutEnd)
    for known in excerpts where known.path == path && known.isEnd == isEnd { return known.text }
    let text = slice(at: path)?
      .excerpt(characters: RoutingDecision.NonMatch.actualCharactersMax, ofEnd: isEnd)
    if excerpts.count < EventReader.remembered { excerpts.append((path, isEnd, text)) }
    return text
  }
}
