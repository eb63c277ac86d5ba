/// How much one operation of the writer may do, found out by how long the last ones took. A pure
/// value.
///
/// It begins small, doubles while there is time left, and is cut down at once when there was not.
struct BatchPace: Sendable, Hashable {
  private(set) var size: Int
  private let range: ClosedRange<Int>

  /// 5 ms: what waits for the writer meanwhile hardly notices. The limit is 50 ms.
  static let targetMs: Int64 = 5

  init(in range: ClosedRange<Int>) {
    self.range = range
    size = range.lowerBound
  }

  mutating func note(elapsedMs: Int64) {
    let next =
      switch elapsedMs {
      case ..<(BatchPace.targetMs / 2): size * 2
      case ...BatchPace.targetMs: size
      case ...(BatchPace.targetMs * 3): size / 2
      default: size / 8
      }
    size = min(max(next, range.lowerBound), range.upperBound)
  }

  /// How long the writer is left to others then: two thirds of the time are theirs.
  static func pauseMs(after elapsedMs: Int64) -> Int64 { elapsedMs * 2 }
}
