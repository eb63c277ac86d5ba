/// A text as it was before programs escaped it, whatever they escaped it for and however often.
///
/// A run of backslashes counts as one, since each level of escaping doubles it. So two texts that
/// differ only in their escapes become the same one: good for finding, and not for reading.
struct UnescapedText {
  /// In UTF-16, as `\uXXXX` is.
  private(set) var units: [UInt16] = []
  /// For each unit where it begins in the text, then the end of the text.
  private(set) var starts: [Int] = []

  private let text: [UInt16]

  init(_ text: [UInt16]) {
    self.text = text
    units.reserveCapacity(text.count)
    starts.reserveCapacity(text.count + 1)
    var place = 0
    while place < text.count {
      guard text[place] == UInt16(ascii: "\\") else {
        units.append(text[place])
        starts.append(place)
        place += 1
        continue
      }
      let end = text[place...].firstIndex { $0 != UInt16(ascii: "\\") } ?? text.count
      let escaped = escape(at: end)
      add(escaped?.units ?? [UInt16(ascii: "\\")], at: place)
      place = end + (escaped?.length ?? 0)
    }
    starts.append(text.count)
  }

  private mutating func add(_ units: [UInt16], at place: Int) {
    self.units += units
    for _ in units { starts.append(place) }
  }

  /// What stands for something else after backslashes, and in how many units; nil for what does
  /// not.
  private func escape(at place: Int) -> (units: [UInt16], length: Int)? {
    guard place < text.count, let letter = UInt8(exactly: text[place]) else { return nil }
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "/"): return ([text[place]], 1)
    case UInt8(ascii: "n"): return ([10], 1)
    case UInt8(ascii: "r"): return ([13], 1)
    case UInt8(ascii: "t"): return ([9], 1)
    case UInt8(ascii: "b"): return ([8], 1)
    case UInt8(ascii: "f"): return ([12], 1)
    case UInt8(ascii: "v"): return ([11], 1)
    case UInt8(ascii: "x"): return hex(at: place + 1, digits: 2).map { ([$0], 3) }
    case UInt8(ascii: "u"):
      return hex(at: place + 1, digits: 4).map { ([$0], 5) } ?? braced(at: place + 1)
    default: return nil
    }
  }

  private func hex(at place: Int, digits: Int) -> UInt16? {
    guard place + digits <= text.count else { return nil }
    return value(place..<(place + digits)).flatMap(UInt16.init(exactly:))
  }

  /// `{1f600}` after `\u`.
  private func braced(at place: Int) -> (units: [UInt16], length: Int)? {
    guard place < text.count, text[place] == UInt16(ascii: "{"),
      let end = text[place...].prefix(8).firstIndex(of: UInt16(ascii: "}")),
      let scalar = value((place + 1)..<end).flatMap(Unicode.Scalar.init)
    else { return nil }
    return (Array(Character(scalar).utf16), end + 2 - place)
  }

  private func value(_ range: Range<Int>) -> UInt32? {
    guard !range.isEmpty, range.allSatisfy({ isHexDigit(text[$0]) }) else { return nil }
    return UInt32(String(decoding: text[range], as: UTF16.self), radix: 16)
  }

  private func isHexDigit(_ unit: UInt16) -> Bool {
    UInt8(exactly: unit).map { Character(Unicode.Scalar($0)).isHexDigit } ?? false
  }
}

extension UInt16 {
  /// The unit of an ASCII character.
  init(ascii character: Unicode.Scalar) { self = UInt16(UInt8(ascii: character)) }
}
