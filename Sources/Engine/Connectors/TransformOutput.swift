import Synchronization

/// What transforms say besides their result, kept with the attempt (config.md 9.2): the last of it.
package final class TransformOutput: Sendable {
  private let state = Mutex(State())

  private struct State {
    var bytes: [UInt8] = []
    /// Something before ``bytes`` is gone.
    var isCut = false
  }

  package init() {}

  /// Adds a piece of what a program printed to stderr.
  package func append(_ piece: some Collection<UInt8>) {
    state.withLock { state in
      state.bytes.append(contentsOf: piece)
      // Cut once in a while, not at every piece.
      guard state.bytes.count > 2 * Limits.outputBytesMax else { return }
      state.bytes.removeFirst(state.bytes.count - Limits.outputBytesMax)
      state.isCut = true
    }
  }

  /// The last ``Limits/outputBytesMax`` of it, from the beginning of a character; nil when there is
  /// nothing.
  package var text: String? {
    let bytes = state.withLock { $0.bytes.suffix(Limits.outputBytesMax) }
    let isCut = bytes.startIndex > 0
    let whole = isCut ? bytes.drop { $0 & 0xC0 == 0x80 } : bytes
    return whole.isEmpty ? nil : String(decoding: whole, as: UTF8.self)
  }

  /// As ``text`` and more, for whoever hides credentials: one that the end of ``text`` cuts is whole
  /// here. Where something is gone all the same, it begins with a line.
  package var wholeLines: String {
    let (bytes, isCut) = state.withLock { ($0.bytes, $0.isCut) }
    guard isCut else { return String(decoding: bytes, as: UTF8.self) }
    let line = UInt8(ascii: "\n")
    let rest = bytes.drop { $0 != line }.dropFirst()
    // A line without an end would leave nothing.
    return String(decoding: rest.isEmpty ? bytes[...] : rest, as: UTF8.self)
  }
}
