#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A block of IP addresses such as `10.0.0.0/8` or `2001:db8::/32`.
package struct CIDRBlock: Sendable, Hashable, CustomStringConvertible {
  private let network: [UInt8]
  private let prefixLength: Int
  package let description: String

  /// A block from its text; nil when address or length do not fit. An address alone is a block of
  /// one.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = CIDRBlock.address(String(parts[0])) else { return nil }
    let bits = address.count * 8
    if parts.count == 2 {
      let isNumber = parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
      guard isNumber, parts[1].utf8.count <= 3, let length = Int(parts[1]), length <= bits else {
        return nil
      }
      prefixLength = length
    } else {
      prefixLength = bits
    }
    network = address
    description = text
  }

  /// Whether a text is an address inside the block. IPv4 is never inside an IPv6 block.
  package func contains(_ text: String) -> Bool {
    guard let address = CIDRBlock.address(text), address.count == network.count else {
      return false
    }
    let whole = prefixLength / 8
    guard address[..<whole] == network[..<whole] else { return false }
    let rest = prefixLength % 8
    guard rest > 0 else { return true }
    let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - rest))
    return address[whole] & mask == network[whole] & mask
  }

  /// The bytes of an address in network order: 4, 16, or nil for anything else.
  private static func address(_ text: String) -> [UInt8]? {
    // C would read "10.0.0.1\0…" as 10.0.0.1; no address is longer than this.
    guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
    return nil
  }
}
