/// How much one load may cost, so that no file, however made, keeps it from ending.
///
/// A limit on each file is not enough: a few thousand references to one large file or value would
/// multiply it.
enum LoadLimits {
  /// 1,000: more of a message is not read, and a key may have a MiB.
  static let messageCharactersMax = 1_000
  /// 200: enough to see which value is meant.
  static let shownCharactersMax = 200
  /// 2,000,000: names compared for suggestions, about a second; later problems come without.
  static let candidatesMax = 2_000_000
  /// 64 MiB: what aliases in one file, or variables and parameters in all files, may write.
  static let expandedBytesMax = 64 << 20
  /// 64 MiB: all documents of all modules, one counted as often as a module reads it.
  static let documentBytesMax = 64 << 20
  /// 64: what a value costs besides its text, for ``documentBytesMax``.
  static let valueBytes = 64
  /// 200: expressions that a program is asked about, some milliseconds each; those of further ones
  /// are found wrong when they are used.
  static let expressionsMax = 200
  /// 100,000: names that patterns of paths are compared with.
  static let globNamesMax = 100_000
}
