/// Where in the user's files something was written.
package struct Origin: Sendable, Hashable, CustomStringConvertible {
  /// Relative to the project root where it lies below it, else absolute.
  package let file: String
  // Half a word each: there is one for every value of a project, and no file has that many lines.
  private let storedLine: Int32
  private let storedColumn: Int32

  /// Counted from 1.
  package var line: Int { Int(storedLine) }
  /// Counted from 1.
  package var column: Int { Int(storedColumn) }

  package init(file: String, line: Int, column: Int) {
    self.file = file
    storedLine = Int32(clamping: line)
    storedColumn = Int32(clamping: column)
  }

  package var description: String { "\(file):\(line):\(column)" }
}
