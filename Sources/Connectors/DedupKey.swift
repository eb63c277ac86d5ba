import Crypto

/// Dedup keys that come from outside.
enum DedupKey {
  /// The key, or its hash when it is too long to keep: still the same for the same key.
  static func bounded(_ key: String) -> String {
    guard key.utf8.count > ConnectorLimits.dedupKeyBytesMax else { return key }
    return "sha256:" + Hexadecimal.text(SHA256.hash(data: Array(key.utf8)))
  }
}
