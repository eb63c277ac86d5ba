import TestSupport

/// A recording's disk, change by change.
struct Replay {
  private var disk: DiskModel
  private let changes: [DiskChange]
  private var place = 0

  init(_ recording: Recording) {
    disk = DiskModel(recording.beginning)
    changes = recording.changes
  }

  /// Goes on to the state after that many changes; never back.
  mutating func advance(to place: Int) {
    while self.place < place {
      disk.apply(changes[self.place])
      self.place += 1
    }
  }

  /// Everything written so far.
  var image: DiskImage { disk.afterProcessDeath }

  /// What a crash at this place leaves; the same for the same seed.
  func image(after crash: Crash, seed: UInt64) -> DiskImage {
    var chance = crash.chance(seed: seed)
    return switch crash.kind {
    case .processDeath: disk.afterProcessDeath
    case .cutOffWrite: disk.afterProcessDeath(within: changes[place], using: &chance)
    case .powerCut: disk.afterPowerCut(using: &chance)
    }
  }
}
