import Engine

/// What a `.env` file holds (config.md 3.2).
///
/// Lines are trimmed, blank ones and those that begin with `#` skipped; an `export` before the name is
/// allowed, and one pair of quotes around the value is removed. There are no escapes, and no value
/// goes on in the next line.
struct DotEnv {
  private(set) var pairs: [String: String] = [:]
  private(set) var problems: [Problem] = []

  /// Something wrong with a line; what stands in it may be a credential and is not told.
  struct Problem {
    let level: Diagnostic.Level
    let message: String
    /// Counted from 1.
    let line: Int
    /// Counted from 1.
    let column: Int
  }

  /// Lines one after the other that are no pairs: one problem, since a key of fifty lines is one.
  private struct Stray {
    let line: Int
    let column: Int
    var count = 1
  }

  init(_ bytes: [UInt8]) {
    // Some editors put a mark at the beginning of a file, which is no part of the first name.
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let bytes = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
    var stray: Stray?
    var number = 0
    // What else ends lines for Unicode may stand in a value.
    for bytes in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      // A comment sets nothing, whatever its bytes are.
      let first = bytes.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
      if first == UInt8(ascii: "#") {
        close(&stray)
        continue
      }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        problems.append(DotEnv.notUTF8(bytes, line: number))
        continue
      }
      let line = DotEnv.trimmed(text[...])
      if line.isEmpty || take(line) {
        close(&stray)
      } else if stray != nil {
        stray?.count += 1
      } else {
        stray = Stray(
          line: number,
          column: text.unicodeScalars.distance(from: text.startIndex, to: line.startIndex) + 1)
      }
    }
    close(&stray)
  }

  /// Whether a line is a pair.
  private mutating func take(_ line: Substring) -> Bool {
    var line = line
    if line.hasPrefix("export ") || line.hasPrefix("export\t") {
      line = DotEnv.trimmed(line.dropFirst(7))
    }
    guard let equals = line.firstIndex(of: "=") else { return false }
    let name = DotEnv.trimmed(line[..<equals])
    guard !name.isEmpty, !name.contains(where: \.isWhitespace) else { return false }
    var value = DotEnv.trimmed(line[line.index(after: equals)...])
    if value.count >= 2, let quote = value.first, quote == value.last, "\"'".contains(quote) {
      value = value.dropFirst().dropLast()
    }
    pairs[String(name)] = String(value)
    return true
  }

  private mutating func close(_ stray: inout Stray?) {
    guard let lines = stray else { return }
    let words =
      lines.count == 1
      ? "this line is no NAME=value, and sets nothing"
      : "\(lines.count) lines from here on are no NAME=value, and set nothing; a value ends with its "
        + "line"
    problems.append(
      Problem(level: .warning, message: words, line: lines.line, column: lines.column))
    stray = nil
  }

  private static func notUTF8(_ bytes: ArraySlice<UInt8>, line: Int) -> Problem {
    let start = bytes.prefix(UTF8Text.faultOffset(bytes) ?? 0)
    let column = String(decoding: start, as: UTF8.self).unicodeScalars.count + 1
    return Problem(
      level: .error, message: "the line is not UTF-8; save the file as UTF-8", line: line,
      column: column)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first?.isWhitespace ?? false { text.removeFirst() }
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return text
  }
}

extension Session {
  /// The pairs of the `.env` in a directory; nil after a report, when nobody can tell what it sets:
  /// then each variable that it could set is an error where it is used, and the others are not.
  func dotEnv(root: String) -> [String: String]? {
    let path = root + "/.env"
    let top = Origin(file: shown(path))
    let bytes: [UInt8]
    do {
      bytes = try FileAccess.read(path, bytesMax: YAMLDocument.bytesMax)
    } catch  where error.reason == .missing {
      return [:]
    } catch  where error.reason == .notAFile {
      // The directory of a Python environment is often called so.
      report(.notice, "file.missing", "\(shown(path)) is no file, and sets nothing", at: top)
      return [:]
    } catch {
      // It may belong to who starts the process, who then hands all variables over.
      report(
        .warning, "file.missing", "\(shown(path)): \(error.message); \(error.cure)", at: top)
      return nil
    }
    let file = DotEnv(bytes)
    for each in file.problems {
      report(
        each.level, "env.syntax", each.message,
        at: Origin(file: top.file, line: each.line, column: each.column))
    }
    return file.problems.contains { $0.level == .error } ? nil : file.pairs
  }

  /// What the modules of a directory see.
  func scope(root: String) -> VariableScope {
    VariableScope(
      workspace: workspaceVariables, environment: environment, dotEnv: dotEnv(root: root))
  }
}
