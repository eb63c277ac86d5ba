import Engine

/// The `Retry-After` header: seconds, or an HTTP date
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>).
enum RetryAfter {
  /// Milliseconds to wait from now, at least 0 and at most 24 h; nil for a header that is neither.
  static func ms(_ header: String, nowMs: Int64) -> Int64? {
    let digits = header.utf8
    if !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) {
      // More digits than fit are a very long wait, and that has a limit anyway.
      let seconds = Int64(header) ?? .max
      return min(seconds, Limits.retryAfterMsMax / 1_000) * 1_000
    }
    guard let date = httpDateMs(header) else { return nil }
    return min(max(0, date - nowMs), Limits.retryAfterMsMax)
  }

  /// An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`: the only form a sender may still write.
  private static func httpDateMs(_ text: String) -> Int64? {
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT", parts[1].count == 2,
      let month = months.firstIndex(of: String(parts[2]))
    else { return nil }
    let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
    return ISOTime.ms("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
}
