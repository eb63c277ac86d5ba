/// The ids that users see, made from the numbers that rows have.
///
/// An id is a UUID of version 7 (RFC 9562 5.7): 48 bits of acceptance time, then, where the RFC
/// leaves 74 bits to the application, 18 random bits of this file, 40 bits of the event's number
/// and 16 bits of the delivery's. So ids sort by time, differ between files, and lead back to
/// their row without an index: a unique index on ids cost 13 % of the accept (design.md 4).
///
/// The same arithmetic stands in the views (`Migrations/0004_event_views.sql`); `IdentityTests`
/// holds the two together.
package struct Identity: Sendable, Hashable {
  /// The 18 random bits.
  package let node: Int64

  /// - Parameter node: Only its lower 18 bits count.
  package init(node: Int64) { self.node = node & 0x3FFFF }

  /// The version digit and the upper 12 bits of the node, as the view's `node.middle` has them.
  package var middle: String { "7" + Identity.hex(UInt64(node >> 6), digits: 3) }
  /// The variant bit and the lower 6 bits of the node: `node.base`.
  package var base: Int64 { Int64(bitPattern: 1 << 63) | (node & 0x3F) << 56 }

  /// Events a file can hold before ids would repeat: 2^40, at 100,000 a second for 127 days short
  /// of 350 years.
  package static let sequenceMax: Int64 = (1 << 40) - 1

  /// The id of an event that came without one.
  package func eventID(sequence: Int64, acceptedAtMs: Int64) -> String {
    text("evt_", acceptedAtMs, sequence << 16)
  }

  /// The id of the trace that an event begins.
  package func traceID(sequence: Int64, acceptedAtMs: Int64) -> String {
    text("trc_", acceptedAtMs, sequence << 16)
  }

  /// The id of a delivery, which it keeps over all attempts.
  ///
  /// - Parameter acceptedAtMs: Of the delivery's event.
  package func deliveryID(number: Int64, acceptedAtMs: Int64) -> String {
    text("dlv_", acceptedAtMs, number)
  }

  /// The number in an id of this file, or nil when the id was not made by it.
  ///
  /// - Parameter prefix: `evt_`, `trc_` or `dlv_`.
  /// - Returns: The delivery number; its upper bits are the event's, see ``sequence(of:)``. The
  ///   caller still checks that the row exists and has the time that the id says.
  package func number(in id: String, prefix: String) -> (number: Int64, acceptedAtMs: Int64)? {
    guard id.hasPrefix(prefix) else { return nil }
    let digits = Array(id.utf8.dropFirst(prefix.utf8.count))
    guard digits.count == 32, let high = Identity.value(digits[0..<16]),
      let low = Identity.value(digits[16..<32])
    else { return nil }
    guard Identity.hex(high & 0xFFFF, digits: 4) == middle,
      Int64(bitPattern: low) & ~0xFF_FFFF_FFFF_FFFF == base
    else { return nil }
    let number = Int64(bitPattern: low & 0xFF_FFFF_FFFF_FFFF)
    // Only a delivery has a number of its own behind the event's.
    guard prefix == "dlv_" || number & 0xFFFF == 0 else { return nil }
    return (number, Int64(high >> 16))
  }

  /// The number of the event that a delivery is of.
  package static func sequence(of deliveryNumber: Int64) -> Int64 { deliveryNumber >> 16 }

  private func text(_ prefix: String, _ ms: Int64, _ number: Int64) -> String {
    let high = UInt64(ms) << 16 | 0x7000 | UInt64(node >> 6)
    let low = UInt64(bitPattern: base | number)
    return prefix + Identity.hex(high, digits: 16) + Identity.hex(low, digits: 16)
  }

  private static func hex(_ value: UInt64, digits: Int) -> String {
    String(unsafeUninitializedCapacity: digits) { buffer in
      for index in 0..<digits {
        let nibble = UInt8(value >> (4 * UInt64(digits - 1 - index)) & 0xF)
        buffer[index] = nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
      }
      return digits
    }
  }

  private static func value(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case 0x30...0x39: value = value << 4 | UInt64(digit - 0x30)
      case 0x61...0x66: value = value << 4 | UInt64(digit - 0x61 + 10)
      default: return nil
      }
    }
    return value
  }
}
