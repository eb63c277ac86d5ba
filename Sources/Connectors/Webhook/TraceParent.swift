import Crypto

/// The `traceparent` header (<https://www.w3.org/TR/trace-context/#traceparent-header>).
enum TraceParent {
  /// The trace id of a received header as `trc_` and 32 digits; nil when the header is not valid,
  /// which the specification asks to treat as if there were none.
  static func traceID(_ header: String) -> String? {
    let parts = header.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, isHexadecimal(parts[0], count: 2), parts[0] != "ff",
      parts[0] != "00" || parts.count == 4, isHexadecimal(parts[1], count: 32),
      isHexadecimal(parts[2], count: 16), isHexadecimal(parts[3], count: 2),
      parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
    else { return nil }
    return "trc_" + parts[1]
  }

  /// The header for one attempt. A trace id that is not 32 hexadecimal digits (a sender may choose
  /// others) is hashed: the same trace still gives the same header.
  static func header(traceID: String, spanID: UInt64) -> String {
    let digits = traceID.hasPrefix("trc_") ? traceID.dropFirst(4) : traceID[...]
    let isUsable = isHexadecimal(digits, count: 32) && digits.contains { $0 != "0" }
    let trace =
      isUsable
      ? String(digits) : Hexadecimal.text(SHA256.hash(data: Array(traceID.utf8)).prefix(16))
    let span = String(max(spanID, 1), radix: 16)
    return "00-\(trace)-\(String(repeating: "0", count: 16 - span.count))\(span)-01"
  }

  private static func isHexadecimal(_ text: Substring, count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}
