/// Durations as the configuration writes them: `30s`, `1h30m`, `2m500ms` (config.md 2).
enum DurationText {
  /// Milliseconds; nil for anything but `(<int><unit>)+` with the units `d h m s ms`, each at
  /// most once, largest first, of at most ten years.
  static func ms(_ text: String) -> Int64? {
    let units: [(name: String, ms: Int64)] = [
      ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]
    var rest = Substring(text)
    var total: Int64 = 0
    var next = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard digits.utf8.count <= 12, let count = Int64(digits),
        let unit = units[next...].firstIndex(where: { $0.name == name })
      else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: units[unit].ms)
      guard !overflow, product <= msMax else { return nil }
      total += product
      next = unit + 1
    }
    return text.isEmpty || total > msMax ? nil : total
  }

  /// Ten years.
  static let msMax: Int64 = 3_653 * 86_400_000
}
