/// A duration as configuration writes it: `30s`, `1h30m`, `2m500ms` (config.md 2).
package enum DurationText {
  private static let units: [(name: String, ms: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
  ]

  /// 10 years.
  package static let msMax: Int64 = 3_650 * 86_400_000

  /// Milliseconds; nil for anything else: units out of order or repeated, a bare number, zero
  /// units, or more than ten years.
  package static func ms(_ text: String) -> Int64? {
    var rest = text.utf8[...]
    var total: Int64 = 0
    var nextUnit = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      rest = rest.dropFirst(digits.count)
      let letters = rest.prefix { (0x61...0x7A).contains($0) }
      rest = rest.dropFirst(letters.count)
      guard let count = Int64(String(digits) ?? ""), let name = String(letters),
        let unit = units.indices.first(where: { units[$0].name == name }), unit >= nextUnit
      else { return nil }
      nextUnit = unit + 1
      let (product, overflow) = count.multipliedReportingOverflow(by: units[unit].ms)
      guard !overflow, product <= msMax else { return nil }
      total += product
      guard total <= msMax else { return nil }
    }
    return total
  }
}
