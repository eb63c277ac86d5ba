import Engine

/// Which plain scalars are not strings: the YAML 1.2 core schema, so that `yes`, `on`, dates and
/// `12:30:00` stay the text they are.
///
/// Source: <https://yaml.org/spec/1.2.2/#1032-tag-resolution>
enum CoreSchema {
  /// A scalar that the schema knows but a 64-bit world does not.
  struct OutOfRange: Error { let message: String }

  /// The value of a plain scalar.
  ///
  /// - Throws: ``OutOfRange`` for an integer beyond 64 bits, and for infinity and not-a-number,
  ///   which no JSON value can be.
  static func resolve(_ text: String) throws(OutOfRange) -> Node.Content {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
      "-.Inf", "-.INF":
      throw OutOfRange(message: "\(text) is not a number that can be used; quote it to mean text")
    default: break
    }
    guard let first = text.utf8.first, first <= UInt8(ascii: "9") else { return .string(text) }
    if let number = try integer(text) { return .number(number) }
    if let number = try decimal(text) { return .number(number) }
    return .string(text)
  }

  private static func integer(_ text: String) throws(OutOfRange) -> JSONNumber? {
    let digits: Substring
    let radix: Int
    if text.hasPrefix("0o") {
      (digits, radix) = (text.dropFirst(2), 8)
      guard isAll(digits, in: "01234567") else { return nil }
    } else if text.hasPrefix("0x") {
      (digits, radix) = (text.dropFirst(2), 16)
      guard isAll(digits, in: "0123456789abcdefABCDEF") else { return nil }
    } else {
      (digits, radix) = (text[...], 10)
      let body = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
      guard isAll(body, in: "0123456789") else { return nil }
    }
    guard let value = Int64(digits, radix: radix) else {
      throw OutOfRange(message: "\(text) does not fit in 64 bits; quote it to mean text")
    }
    return JSONNumber(value)
  }

  private static func decimal(_ text: String) throws(OutOfRange) -> JSONNumber? {
    var rest = Substring(text)
    if let sign = rest.first, sign == "-" || sign == "+" { rest.removeFirst() }
    let whole = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(whole.count)
    var fraction = Substring()
    if rest.first == "." {
      rest.removeFirst()
      fraction = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(fraction.count)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return nil }
    if let mark = rest.first, mark == "e" || mark == "E" {
      rest.removeFirst()
      if let sign = rest.first, sign == "-" || sign == "+" { rest.removeFirst() }
      guard isAll(rest, in: "0123456789") else { return nil }
      rest = ""
    }
    guard rest.isEmpty else { return nil }
    // Swift reads `.5` and `1.` only with a digit on both sides.
    let padded = text.replacing("+", with: "", maxReplacements: text.hasPrefix("+") ? 1 : 0)
    guard let value = Double(whole.isEmpty || fraction.isEmpty ? completed(padded) : padded),
      value.isFinite
    else {
      throw OutOfRange(message: "\(text) is too large for a number; quote it to mean text")
    }
    let isJSON =
      !whole.isEmpty && !fraction.isEmpty && !text.hasPrefix("+")
      && (whole.count == 1 || whole.first != "0")
    return isJSON ? JSONNumber(validText: text) : JSONNumber(value)
  }

  private static func completed(_ text: String) -> String {
    guard let dot = text.firstIndex(of: ".") else { return text }
    let before = text[..<dot]
    let after = text[text.index(after: dot)...]
    let head = before.last?.isNumber ?? false ? before : before + "0"
    let tail = after.first?.isNumber ?? false ? after : "0" + after
    return head + "." + tail
  }

  private static func isAll(_ text: Substring, in set: String) -> Bool {
    !text.isEmpty && text.allSatisfy { set.contains($0) }
  }
}
