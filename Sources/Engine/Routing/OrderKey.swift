import Crypto

/// The value that puts events in order (`delivery.order_key`, config.md 7).
package enum OrderKey {
  /// 512: the key stands in an index of the queue; longer values are cut and hashed.
  package static let bytesMax = 512
  private static let cutBytes = 448

  /// The key of an event, or nil when the value is missing or null: then nothing orders it.
  ///
  /// Strings are taken as they are, numbers and booleans as JSON writes them, maps and lists as
  /// compact JSON. A text of more than ``bytesMax`` bytes becomes its first 448 bytes, cut between
  /// characters, and the SHA-256 of the whole in hex.
  package static func value(of event: EventView, at path: DotPath) -> String? {
    guard let slice = event.slice(at: path), !slice.isNull else { return nil }
    return bounded(slice.plainText)
  }

  private static func bounded(_ text: String) -> String {
    guard text.utf8.count > bytesMax else { return text }
    let digest = SHA256.hash(data: Array(text.utf8))
    return text.cut(toBytes: cutBytes) + digest.hexText
  }
}

extension String {
  /// The longest beginning of at most that many bytes that ends between Unicode scalars.
  func cut(toBytes count: Int) -> String {
    guard utf8.count > count else { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: count)
    while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
    return String(self[..<end])
  }
}
