import TestSupport

/// One way in which a recorded run can end before its end.
struct Crash: Sendable, Hashable, CustomStringConvertible {
  enum Kind: Sendable, Hashable {
    /// The process dies between two changes.
    case processDeath
    /// The process dies while a write is half made.
    case cutOffWrite
    /// The power goes; the number tells several cuts at one place apart.
    case powerCut(Int)
  }

  /// How many changes of the disk were made before.
  let place: Int
  let kind: Kind

  var description: String {
    switch kind {
    case .processDeath: "process death after change \(place)"
    case .cutOffWrite: "process death within change \(place)"
    case .powerCut(let number): "power cut \(number) after change \(place)"
    }
  }

  /// Every crash of a run: at every place a process death and some power cuts, and a process death
  /// within every write.
  static func all(in changes: [DiskChange], powerCuts: Int) -> [Crash] {
    (0...changes.count).flatMap { place in
      var crashes = [Crash(place: place, kind: .processDeath)]
      if place < changes.count, case .write = changes[place] {
        crashes.append(Crash(place: place, kind: .cutOffWrite))
      }
      return crashes + (0..<powerCuts).map { Crash(place: place, kind: .powerCut($0)) }
    }
  }

  /// Chance of its own, so that a crash is the same one in a sample and in the whole.
  func chance(seed: UInt64) -> SplitMix64 {
    let number: Int =
      switch kind {
      case .processDeath: 0
      case .cutOffWrite: 1
      case .powerCut(let cut): 2 + cut
      }
    return SplitMix64(seed: seed ^ UInt64(place * 64 + number) &* 0x9E37_79B9_7F4A_7C15)
  }
}
