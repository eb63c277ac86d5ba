import Synchronization

/// What transforms say besides their result, kept with the attempt (config.md 9.2): the last of it.
package final class TransformOutput: Sendable {
  private let bytes = Mutex<[UInt8]>([])

  package init() {}

  /// Adds a piece of what a program printed to stderr.
  package func append(_ piece: some Collection<UInt8>) {
    bytes.withLock { bytes in
      bytes.append(contentsOf: piece)
      // Cut once in a while, not at every piece.
      if bytes.count > 2 * Limits.outputBytesMax {
        bytes.removeFirst(bytes.count - Limits.outputBytesMax)
      }
    }
  }

  /// The last ``Limits/outputBytesMax`` of it, from the beginning of a character; nil when there is
  /// nothing.
  package var text: String? {
    let bytes = bytes.withLock { $0.suffix(Limits.outputBytesMax) }
    let isCut = bytes.startIndex > 0
    let whole = isCut ? bytes.drop { $0 & 0xC0 == 0x80 } : bytes
    return whole.isEmpty ? nil : String(decoding: whole, as: UTF8.self)
  }
}
