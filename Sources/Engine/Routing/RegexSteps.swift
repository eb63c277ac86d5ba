/// The steps that all regular expressions over one event may still take together.
///
/// A pattern's own limit holds for one condition, however many elements the list has that it is put
/// to. This one holds for the event: many routes with expensive patterns would otherwise add up to
/// minutes. When it is used up, each further condition still has ``conditionMin``, so that one
/// module's patterns do not decide for ordinary ones of others.
package struct RegexSteps: Sendable {
  /// What is left; below nothing once further conditions had to have their least.
  package private(set) var left: Int
  private let leastOfOne: Int

  /// 20,000,000: 20 conditions at their limit, about a second.
  package static let eventMax = 20_000_000
  /// 10,000: a short pattern on a short value takes hundreds.
  package static let conditionMin = 10_000

  /// For one event, or for one value that is looked at alone.
  package init() {
    left = RegexSteps.eventMax
    leastOfOne = RegexSteps.conditionMin
  }

  /// For what may take no more than is left elsewhere.
  package init(atMost left: Int) {
    self.left = left
    leastOfOne = 0
  }

  /// Lends what one condition, or `count` patterns that share a limit, may take, and takes back
  /// what is left of it.
  package mutating func withSteps<Result>(
    count: Int = 1, _ body: (inout Int) -> Result
  ) -> Result {
    let lent = min(max(left, leastOfOne), RegexPattern.stepsMax * count)
    var steps = lent
    let result = body(&steps)
    left -= lent - max(steps, 0)
    return result
  }
}
