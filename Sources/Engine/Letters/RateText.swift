/// Rates as people write them: `10/s`, `5/m`, `0.5/h` (config.md 7).
package enum RateText {
  /// Per second; nil for anything but a positive number per `s`, `m`, `h` or `d`.
  package static func perSecond(_ text: String) -> Double? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let seconds = ["s": 1.0, "m": 60, "h": 3_600, "d": 86_400]
    guard parts.count == 2, parts[0].allSatisfy({ "0123456789.".contains($0) }),
      let count = Double(parts[0]), count > 0, count.isFinite, let unit = seconds[String(parts[1])]
    else { return nil }
    return count / unit
  }
}
