/// The exact value of a JSON number, for comparing: a double would call 9007199254740993 and
/// 9007199254740992.0 equal, and every number beyond 1e308 as well.
///
/// The value is `0.d₁d₂d₃… × 10^exponent`; the digits have no zeros at either end, and none at all
/// for zero, so that one value has one form. Exponents beyond ±2^40 count as ±2^40.
struct JSONDecimal: Hashable, Comparable, Sendable {
  private let isNegative: Bool
  private let digits: [UInt8]
  private let exponent: Int

  private static let exponentMax = 1 << 40

  /// The value of a number that a JSON parser has accepted.
  init(_ text: some Sequence<UInt8>) {
    var isNegative = false
    var digits: [UInt8] = []
    var whole = 0
    var inFraction = false
    var inExponent = false
    var power = 0
    var powerIsNegative = false
    for byte in text {
      switch byte {
      case UInt8(ascii: "-"):
        if inExponent { powerIsNegative = true } else { isNegative = true }
      case UInt8(ascii: "."): inFraction = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"): inExponent = true
      case 0x30...0x39 where inExponent:
        power = min(power * 10 + Int(byte - 0x30), JSONDecimal.exponentMax)
      case 0x30...0x39:
        if digits.isEmpty, byte == 0x30 {
          if inFraction { whole -= 1 }
        } else {
          digits.append(byte)
          if !inFraction { whole += 1 }
        }
      default: break
      }
    }
    while digits.last == 0x30 { digits.removeLast() }
    self.digits = digits
    self.isNegative = isNegative && !digits.isEmpty
    exponent = digits.isEmpty ? 0 : whole + (powerIsNegative ? -power : power)
  }

  /// The value if it is a whole number of 64 bits.
  var int64: Int64? {
    guard exponent >= digits.count, exponent <= 19 else { return digits.isEmpty ? 0 : nil }
    var value: Int64 = 0
    for place in 0..<exponent {
      let digit = place < digits.count ? Int64(digits[place] - 0x30) : 0
      let (tens, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowedToo) = tens.addingReportingOverflow(isNegative ? -digit : digit)
      if overflowed || overflowedToo { return nil }
      value = sum
    }
    return value
  }

  static func < (left: JSONDecimal, right: JSONDecimal) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative
      ? right.isSmallerInSize(than: left) : left.isSmallerInSize(than: right)
  }

  private func isSmallerInSize(than other: JSONDecimal) -> Bool {
    if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
    if exponent != other.exponent { return exponent < other.exponent }
    return digits.lexicographicallyPrecedes(other.digits)
  }
}
