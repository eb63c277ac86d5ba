/// Where in the user's files something was written.
package struct Origin: Sendable, Hashable, CustomStringConvertible {
  /// Relative to the project root where it lies below it, else absolute.
  package let file: String
  /// Counted from 1.
  package let line: Int
  /// Counted from 1.
  package let column: Int

  package init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  package var description: String { "\(file):\(line):\(column)" }
}
