import Store

/// What an operator wants done with dead letters (cli-http.md 2.4), a bounded part at a time: whoever
/// asks goes on until there is no more, and can stop at any point.
package struct LetterOrder: Sendable, Hashable {
  package enum Action: String, Sendable, CaseIterable { case requeue, drop }

  package enum Selection: Sendable, Hashable {
    /// In any state that allows it.
    case ids([String])
    case all(LetterQuery)
  }

  package var action: Action
  package var selection: Selection
  /// The transforms run again; of `requeue`.
  package var retransform: Bool
  /// Deliveries of one part: 1...``Limits/queuePageMax``.
  package var limit: Int
  /// Where the part before has ended; nil begins.
  package var after: String?

  package init(
    _ action: Action, _ selection: Selection, retransform: Bool = false,
    limit: Int = Limits.queuePageMax, after: String? = nil
  ) {
    self.action = action
    self.selection = selection
    self.retransform = retransform
    self.limit = limit
    self.after = after
  }
}

/// What became of one part.
package struct LetterReport: Sendable {
  package var action: LetterOrder.Action
  /// All that the order concerns; only of the first part.
  package var total: Int?
  /// Of this part.
  package var matched = 0
  package var done = 0
  /// What could not be done, by id, with the reason.
  package var refused: [(id: String, reason: String)] = []
  /// Where to go on; nil when there is no more.
  package var next: String?

  package init(_ action: LetterOrder.Action) { self.action = action }

  /// `{matched, requeued|dropped, refused, next}`, and `total` of the first part.
  package var json: JSONValue {
    var object: JSONObject = [:]
    object["total"] = total.map { JSONValue($0) }
    object["matched"] = JSONValue(matched)
    object[action == .requeue ? "requeued" : "dropped"] = JSONValue(done)
    object["refused"] = .array(
      refused.map { ["id": .string($0.id), "reason": .string($0.reason)] })
    object["next"] = JSONValue(next)
    return .object(object)
  }
}

/// How many a part may have so that a rate is kept, and when the next may begin: a pure value.
package struct PartPace: Sendable {
  private let perSecond: Double?
  private var done = 0

  /// - Parameter perSecond: Nil = as fast as it goes.
  package init(perSecond: Double?) { self.perSecond = perSecond }

  /// What a second allows, and never more than one transaction should have.
  package var size: Int {
    guard let perSecond else { return Limits.queuePageMax }
    return Int(min(max(perSecond, 1), Double(Limits.queuePageMax)))
  }

  /// Takes note of a part.
  ///
  /// - Returns: Milliseconds since the beginning, before which the next must not begin.
  package mutating func note(_ count: Int) -> Int64 {
    done += count
    guard let perSecond else { return 0 }
    // A rate can be as small as numbers are; ten years are as good as never.
    return Int64(min((Double(done) / perSecond * 1_000).rounded(.up), 315_360_000_000))
  }
}
