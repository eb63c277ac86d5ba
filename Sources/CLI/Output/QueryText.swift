import Engine

/// The rows of a user's query, for people and for programs.
enum QueryText {
  /// Columns under their names; what is invisible is escaped, and long values are cut.
  static func table(_ query: QueryTable) -> String {
    guard !query.columns.isEmpty else { return "" }
    var table = Table(titles: query.columns)
    for row in query.rows { table.add(row.map(cell)) }
    return table.text
  }

  /// RFC 4180 with bare line feeds. Null is an empty field, an empty text is `""`.
  static func csv(_ query: QueryTable) -> String {
    guard !query.columns.isEmpty else { return "" }
    var text = query.columns.map(quoted).joined(separator: ",") + "\n"
    for row in query.rows {
      text += row.map { $0.isNull ? "" : quoted(cell($0)) }.joined(separator: ",") + "\n"
    }
    return text
  }

  /// One compact object per line.
  static func lines(_ query: QueryTable) -> String {
    query.objects.map { JSONText($0).description + "\n" }.joined()
  }

  private static func cell(_ value: JSONValue) -> String {
    value.string ?? value.number?.text ?? ""
  }

  private static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: ",")
      }
    return isPlain ? text : "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
