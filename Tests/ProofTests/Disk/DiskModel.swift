import TestSupport

/// A disk rebuilt from the changes that were made to it, with what of them is certain.
///
/// A file is what its name leads to; content and name become durable apart from each other, as in
/// POSIX: content by a sync of the file, names by a sync of the directory.
struct DiskModel {
  private var files: [RecordedFile] = []
  /// Which file a name leads to: now, and after a power cut that keeps nothing uncertain.
  private var names: [String: Int] = [:]
  private var durableNames: [String: Int] = [:]

  /// - Parameter image: What the disk holds, all of it certain.
  init(_ image: DiskImage = DiskImage(files: [:])) {
    for (name, bytes) in image.files {
      names[name] = files.count
      files.append(RecordedFile(bytes))
    }
    durableNames = names
  }

  mutating func apply(_ change: DiskChange) {
    switch change {
    case .open(let name):
      guard names[name] == nil else { return }
      names[name] = files.count
      files.append(RecordedFile())
    case .write(let name, let offset, let bytes):
      file(name) { $0.write(bytes, at: offset) }
    case .truncate(let name, let length): file(name) { $0.truncate(to: length) }
    case .sync(let name): file(name) { $0.sync() }
    case .delete(let name): names[name] = nil
    case .syncDirectory: durableNames = names
    }
  }

  private mutating func file(_ name: String, _ body: (inout RecordedFile) -> Void) {
    guard let index = names[name] else { return }
    body(&files[index])
  }

  /// What a process that dies now leaves: everything written so far is with the kernel.
  var afterProcessDeath: DiskImage { DiskImage(files: names.mapValues { files[$0].current }) }

  /// What a process leaves that dies within its next change: of a write, only the beginning.
  func afterProcessDeath(
    within change: DiskChange, using chance: inout SplitMix64
  ) -> DiskImage {
    guard case .write(let name, let offset, let bytes) = change else { return afterProcessDeath }
    var cutOff = self
    let length = Int.random(in: 0..<bytes.count, using: &chance)
    cutOff.apply(.write(name, offset: offset, bytes: Array(bytes.prefix(length))))
    return cutOff.afterProcessDeath
  }

  /// What a power cut now may leave.
  func afterPowerCut(using chance: inout SplitMix64) -> DiskImage {
    var image = DiskImage(files: [:])
    for name in Set(names.keys).union(durableNames.keys).sorted() {
      let now = names[name]
      let certain = durableNames[name]
      let index = now == certain || Bool.random(using: &chance) ? now : certain
      if let index { image.files[name] = files[index].afterPowerCut(using: &chance) }
    }
    return image
  }
}

/// The content of a file: what was written, and what of it was synced.
struct RecordedFile {
  private(set) var current: [UInt8]
  private var durable: [UInt8]
  private var pending: [Change] = []

  /// - Parameter bytes: Synced content.
  init(_ bytes: [UInt8] = []) {
    current = bytes
    durable = bytes
  }

  fileprivate enum Change {
    case write(offset: Int, bytes: [UInt8])
    case truncate(length: Int)
  }

  mutating func write(_ bytes: [UInt8], at offset: Int) {
    current.put(bytes, at: offset)
    pending.append(.write(offset: offset, bytes: bytes))
  }

  mutating func truncate(to length: Int) {
    current.resize(to: length)
    pending.append(.truncate(length: length))
  }

  mutating func sync() {
    durable = current
    pending.removeAll()
  }

  /// What is left of the file when the power goes: the synced content, and of what was changed
  /// since each sector on its own as it was after any of its changes, or before all, or torn
  /// between two of these; and any of the lengths that the file has had since.
  ///
  /// A write changes no byte outside its range, which SQLite counts on as well.
  /// Source: <https://www.sqlite.org/psow.html>
  func afterPowerCut(using chance: inout SplitMix64) -> [UInt8] {
    guard !pending.isEmpty else { return durable }
    // How much reaches the disk differs from cut to cut: nothing, a little, half, most, all.
    let luck = [0, 0.1, 0.5, 0.9, 1][Int.random(in: 0..<5, using: &chance)]
    let fates = fates(luck, using: &chance)
    var image = durable
    var latest = durable
    var lengths = [durable.count]
    for (number, change) in pending.enumerated() {
      let touched = touched(by: change, length: latest.count)
      latest.apply(change)
      lengths.append(latest.count)
      for sector in touched where fates[sector]?.change == number {
        image.takeSector(sector, from: latest, upTo: fates[sector]?.bytes ?? 0)
      }
    }
    let isLengthKept = Double.random(in: 0..<1, using: &chance) < luck
    let length = isLengthKept ? latest.count : lengths.randomElement(using: &chance) ?? 0
    image.resize(to: luck == 0 ? durable.count : length)
    return image
  }

  /// How far a sector got: the last change that reached it, and how many bytes of it did.
  private struct Fate {
    let change: Int
    let bytes: Int
  }

  /// The fate of each sector; one that is not there stays as it was at the last sync.
  private func fates(_ luck: Double, using chance: inout SplitMix64) -> [Int: Fate] {
    var changes: [Int: [Int]] = [:]
    var latest = durable
    for (number, change) in pending.enumerated() {
      for sector in touched(by: change, length: latest.count) {
        changes[sector, default: []].append(number)
      }
      latest.apply(change)
    }
    var fates: [Int: Fate] = [:]
    for (sector, numbers) in changes.sorted(by: { $0.key < $1.key }) {
      guard Double.random(in: 0..<1, using: &chance) < luck else { continue }
      let isLast = Double.random(in: 0..<1, using: &chance) < luck
      let number = isLast ? numbers[numbers.count - 1] : numbers.randomElement(using: &chance) ?? 0
      // One sector in eight is torn, where not everything arrives.
      let isTorn = luck < 1 && Int.random(in: 0..<8, using: &chance) == 0
      let bytes = isTorn ? Int.random(in: 1..<sectorBytes, using: &chance) : sectorBytes
      fates[sector] = Fate(change: number, bytes: bytes)
    }
    return fates
  }

  private func touched(by change: Change, length: Int) -> Range<Int> {
    switch change {
    case .write(let offset, let bytes):
      offset / sectorBytes..<(offset + bytes.count + sectorBytes - 1) / sectorBytes
    case .truncate(let shorter) where shorter < length:
      shorter / sectorBytes..<(length + sectorBytes - 1) / sectorBytes
    case .truncate: 0..<0
    }
  }
}

/// What a disk writes whole or not at all, if it keeps its word; here it may not.
private let sectorBytes = 512

extension [UInt8] {
  fileprivate mutating func resize(to length: Int) {
    if length < count {
      removeLast(count - length)
    } else {
      append(contentsOf: repeatElement(0, count: length - count))
    }
  }

  fileprivate mutating func put(_ bytes: [UInt8], at offset: Int) {
    if offset + bytes.count > count { resize(to: offset + bytes.count) }
    copy(0..<bytes.count, of: bytes, to: offset)
  }

  fileprivate mutating func apply(_ change: RecordedFile.Change) {
    switch change {
    case .write(let offset, let bytes): put(bytes, at: offset)
    case .truncate(let length): resize(to: length)
    }
  }

  /// Takes the first bytes of a sector as they are in another content of the file.
  fileprivate mutating func takeSector(_ sector: Int, from other: [UInt8], upTo bytes: Int) {
    let start = sector * sectorBytes
    let end = Swift.min(start + bytes, other.count)
    guard start < end else { return }
    if end > count { resize(to: end) }
    copy(start..<end, of: other, to: start)
  }

  /// By `memcpy`: a debug build would need a second for what this does in a millisecond.
  private mutating func copy(_ range: Range<Int>, of bytes: [UInt8], to offset: Int) {
    withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + range.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
      }
    }
  }
}
