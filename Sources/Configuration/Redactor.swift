/// Replaces known values in many texts, in time that does not grow with the number of values.
struct Redactor {
  /// Values in UTF-8 by their first bytes.
  private let values: [ArraySlice<UInt8>: [[UInt8]]]
  /// Whether a value begins with these two bytes: most places need no more than this.
  private var beginnings: [Bool] = []

  /// - Parameter values: Those with fewer than ``Redaction/secretLengthMin`` characters are left
  ///   out.
  init(_ values: some Sequence<String>) {
    let long = values.filter { $0.count >= Redaction.secretLengthMin }.map { Array($0.utf8) }
    self.values = Dictionary(grouping: long) { $0.prefix(Redaction.secretLengthMin) }
    guard !long.isEmpty else { return }
    beginnings = [Bool](repeating: false, count: 1 << 16)
    for value in long { beginnings[Redactor.beginning(value, at: 0)] = true }
  }

  /// There is nothing to hide.
  var isEmpty: Bool { values.isEmpty }

  /// The text with `***` for every value; where two overlap, for both together.
  func apply(_ text: String) -> String {
    guard !isEmpty else { return text }
    let bytes = Array(text.utf8)
    let size = Redaction.secretLengthMin
    guard bytes.count >= size else { return text }
    var result: [UInt8] = []
    var shown = 0
    var hiddenEnd = 0
    for start in 0...(bytes.count - size) {
      guard beginnings[Redactor.beginning(bytes, at: start)] else { continue }
      let end = longest(at: start, in: bytes)
      guard end > hiddenEnd else { continue }
      if start >= hiddenEnd || hiddenEnd == 0 {
        result += bytes[shown..<start] + Array("***".utf8)
      }
      hiddenEnd = end
      shown = end
    }
    guard hiddenEnd > 0 else { return text }
    return String(decoding: result + bytes[shown...], as: UTF8.self)
  }

  private static func beginning(_ bytes: [UInt8], at place: Int) -> Int {
    Int(bytes[place]) << 8 | Int(bytes[place + 1])
  }

  /// Where the longest value ends that begins there; 0 without one.
  private func longest(at start: Int, in bytes: [UInt8]) -> Int {
    let rest = bytes[start...]
    let found = values[rest.prefix(Redaction.secretLengthMin)] ?? []
    return found.filter(rest.starts).map { start + $0.count }.max() ?? 0
  }
}
