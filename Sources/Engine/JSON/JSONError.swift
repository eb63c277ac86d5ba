/// What is wrong with a JSON text, and where.
///
/// The message never repeats the text: bodies come from outside and may hold secrets
/// (reliability.md 4, W and L3).
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  package let message: String
  /// The byte at which the text stops being what was expected, counted from 0.
  package let offset: Int

  package init(_ message: String, at offset: Int) {
    self.message = message
    self.offset = offset
  }

  package var description: String { "\(message) at byte \(offset)" }
}

/// How much JSON is read before it is refused (reliability.md 4, W11).
package struct JSONLimits: Sendable {
  /// Nesting beyond this is refused before anything recursive looks at the text.
  package var depthMax: Int
  package var bytesMax: Int
  /// Keys of one object: comparing them for duplicates must stay cheap.
  package var keysMax: Int

  package init(depthMax: Int = 64, bytesMax: Int = 4 << 20, keysMax: Int = 100_000) {
    self.depthMax = depthMax
    self.bytesMax = bytesMax
    self.keysMax = keysMax
  }

  /// Events: 64 levels, 4 MiB (events.md 1).
  package static let event = JSONLimits()
  /// Text of our own making, which may be larger than an event but is not hostile.
  package static let trusted = JSONLimits(
    depthMax: 256, bytesMax: 64 << 20, keysMax: 1_000_000)
}
