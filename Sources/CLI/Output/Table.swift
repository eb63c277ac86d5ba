import Connectors

/// Columns of text, as wide as their widest cell.
struct Table {
  private let titles: [String]
  private var rows: [[String]] = []

  init(_ titles: String...) { self.titles = titles }

  /// Titles from outside are escaped as cells are.
  init(titles: [String]) {
    self.titles = titles.map { SafeText.escaped($0, bytesMax: Table.cellBytesMax) }
  }

  /// 200: what fits on a wide line.
  private static let cellBytesMax = 200

  var isEmpty: Bool { rows.isEmpty }

  /// Cells may come from events, so that everything invisible in them is escaped
  /// (reliability.md 4, L2).
  mutating func add(_ cells: String...) { add(cells) }

  /// A text from outside as a cell.
  static func cell(_ text: String) -> String { SafeText.escaped(text, bytesMax: cellBytesMax) }

  /// As many cells as there are titles.
  mutating func add(_ cells: [String]) {
    rows.append(
      cells.map { $0.isEmpty ? "-" : SafeText.escaped($0, bytesMax: Table.cellBytesMax) })
  }

  var text: String { Table.aligned([titles] + rows).joined(separator: "\n") }

  /// Lines of cells, each column as wide as its widest cell.
  ///
  /// - Parameter pads: Whether all lines are equally long; otherwise nothing ends in blanks.
  static func aligned(_ rows: [[String]], pads: Bool = false) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.compactMap { column < $0.count ? $0[column].count : nil }.max() ?? 0
    }
    return rows.map { cells in
      let line = zip(cells, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }
      let text = line.joined(separator: "  ")
      guard !pads else { return text }
      return String(
        text[..<(text.lastIndex { $0 != " " }.map(text.index(after:)) ?? text.endIndex)])
    }
  }
}
