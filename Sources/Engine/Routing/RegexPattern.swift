import CPCRE2

/// A compiled regular expression whose work is bounded by steps, not by time.
///
/// JavaScript-style syntax (``RegexSyntax``) with look-around, no back-references (config.md 6.3). The
/// reference asks for a limit of 100 ms; the limit here is a count of steps, about as long on the machines we
/// measured, because a count gives the same decision for the same event on every machine
/// (design.md 5, invariant 10) and a clock does not.
///
/// PCRE2's own match limit starts anew at every position of the subject, so a pattern that stays
/// just below it at 64 Ki positions would run for minutes. The steps are therefore counted in a
/// callout before each item of the pattern, which also sees how far the item before it has run.
/// Source: <https://www.pcre.org/current/doc/html/pcre2callout.html>
package struct RegexPattern: Sendable, Hashable, CustomStringConvertible {
  /// What the user wrote: `/body/flags` or a bare pattern.
  package let description: String
  private let code: Code

  /// 4 KiB: a longer pattern is refused.
  package static let patternBytesMax = 4 << 10
  /// 64 KiB: only the beginning of a value is tested.
  package static let subjectBytesMax = 64 << 10
  /// 1,000,000: below 100 ms at the 20 to 50 ns that a step takes.
  package static let stepsMax = 1_000_000
  /// 16: the characters that an item such as `a*` runs over in the time of one step.
  private static let charactersPerStep = 16

  package enum Match: Sendable, Equatable {
    case yes, no
    /// The step limit was reached; the condition does not hold, and it is logged.
    case limitReached
  }

  /// - Throws: ``EngineError`` `.invalid` with what is wrong and where in the pattern.
  package init(_ text: String) throws(EngineError) {
    let (body, flags) = RegexPattern.split(text)
    guard body.utf8.count <= RegexPattern.patternBytesMax else {
      throw EngineError(.invalid, "the pattern is longer than 4 KiB")
    }
    // \C matches half a character, and `[]` is an empty class, as in JavaScript.
    var options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_ALT_BSUX) | UInt32(PCRE2_MATCH_UNSET_BACKREF)
      | UInt32(PCRE2_AUTO_CALLOUT) | UInt32(PCRE2_NEVER_BACKSLASH_C)
      | UInt32(PCRE2_ALLOW_EMPTY_CLASS)
    for flag in flags {
      switch flag {
      case "i": options |= UInt32(PCRE2_CASELESS)
      case "m": options |= UInt32(PCRE2_MULTILINE)
      case "s": options |= UInt32(PCRE2_DOTALL)
      case "u", "g", "y": break  // always Unicode; the others mean nothing to a test
      default: throw EngineError(.invalid, "unknown flag \"\(flag)\"; known are i m s u")
      }
    }
    if !flags.contains("m") { options |= UInt32(PCRE2_DOLLAR_ENDONLY) }
    code = try Code(body, options: options)
    description = text
  }

  /// Tests a value given as UTF-8, anywhere in it.
  package func match(_ subject: String) -> Match {
    var steps = RegexPattern.stepsMax
    return match(subject, steps: &steps)
  }

  /// Tests a value, one of several that share a limit.
  ///
  /// - Parameter steps: What the match may take, at most ``stepsMax``; less by what it took
  ///   afterwards.
  package func match(_ subject: String, steps: inout Int) -> Match {
    guard steps > 0 else { return .limitReached }
    var subject = subject
    return subject.withUTF8 { bytes in
      let count = RegexPattern.clippedCount(bytes)
      return code.match(UnsafeBufferPointer(rebasing: bytes[..<count]), steps: &steps)
    }
  }

  /// The bytes to test: at most ``subjectBytesMax``, cut between characters.
  private static func clippedCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    guard bytes.count > subjectBytesMax else { return bytes.count }
    var count = subjectBytesMax
    while count > 0, bytes[count] & 0xC0 == 0x80 { count -= 1 }
    return count
  }

  /// Splits `/body/flags`; anything else is a body without flags.
  private static func split(_ text: String) -> (body: String, flags: Substring) {
    guard text.hasPrefix("/"), let end = text.lastIndex(of: "/"), end > text.startIndex else {
      return (text, "")
    }
    return (String(text[text.index(after: text.startIndex)..<end]), text[text.index(after: end)...])
  }

  package static func == (left: RegexPattern, right: RegexPattern) -> Bool {
    left.description == right.description
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(description) }

  /// The compiled program. PCRE2 documents it as read-only while matching; the match data is made
  /// per call.
  private final class Code: @unchecked Sendable {
    // Written once in init; pcre2_match only reads it
    // (<https://www.pcre.org/current/doc/html/pcre2api.html#SEC3>, multithreading).
    private let pointer: OpaquePointer

    init(_ body: String, options: UInt32) throws(EngineError) {
      let written = Array(body.utf8)
      let compiled: OpaquePointer
      switch Code.compile(try RegexSyntax.translate(body), options) {
      case .success(let code): compiled = code
      case .failure(let refusal):
        // The place is one in the text that the user wrote.
        if case .failure(let refusal) = Code.compile(written, options) { throw refusal.error }
        throw refusal.error
      }
      var backReferences: UInt32 = 0
      pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_BACKREFMAX), &backReferences)
      guard backReferences == 0 else {
        pcre2_code_free_8(compiled)
        throw EngineError(.invalid, "back-references are not supported")
      }
      pointer = compiled
    }

    private struct Refusal: Error {
      let error: EngineError
    }

    private static func compile(
      _ units: [UInt8], _ options: UInt32
    ) -> Result<OpaquePointer, Refusal> {
      var error: Int32 = 0
      var offset = 0
      let context = pcre2_compile_context_create_8(nil)
      defer { pcre2_compile_context_free_8(context) }
      // \u{1F600} is a character; lines also end with a carriage return.
      pcre2_set_compile_extra_options_8(context, UInt32(PCRE2_EXTRA_ALT_BSUX))
      pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_ANYCRLF))
      let compiled = units.withUnsafeBufferPointer { buffer in
        pcre2_compile_8(buffer.baseAddress, buffer.count, options, &error, &offset, context)
      }
      if let compiled { return .success(compiled) }
      return .failure(
        Refusal(
          error: EngineError(.invalid, "\(Code.message(error)) at character \(offset + 1)")))
    }

    deinit { pcre2_code_free_8(pointer) }

    func match(_ subject: UnsafeBufferPointer<UInt8>, steps: inout Int) -> Match {
      guard let context = pcre2_match_context_create_8(nil),
        let data = pcre2_match_data_create_8(1, nil)
      else { return .limitReached }
      defer {
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
      }
      let limit = min(steps, RegexPattern.stepsMax)
      var budget = Budget(steps: limit)
      let result = withUnsafeMutablePointer(to: &budget) { budget in
        pcre2_set_callout_8(context, { Budget.spend($0, $1) }, budget)
        // The event's bytes were checked at acceptance, so PCRE2 need not check them again.
        return pcre2_match_8(
          pointer, subject.baseAddress, subject.count, 0, UInt32(PCRE2_NO_UTF_CHECK), data,
          context)
      }
      steps -= limit - budget.steps
      return switch result {
      case 0...: .yes
      case PCRE2_ERROR_NOMATCH: .no
      default: .limitReached
      }
    }

    private static func message(_ code: Int32) -> String {
      var buffer = [UInt8](repeating: 0, count: 256)
      let length = pcre2_get_error_message_8(code, &buffer, buffer.count)
      return String(decoding: buffer[..<max(0, Int(length))], as: UTF8.self)
    }
  }

  /// The steps left for one match.
  private struct Budget {
    private(set) var steps: Int
    private var position = 0

    init(steps: Int) { self.steps = steps }

    /// Called by PCRE2 before each item of the pattern; anything but 0 ends the match.
    static func spend(
      _ block: UnsafeMutablePointer<pcre2_callout_block_8>?, _ data: UnsafeMutableRawPointer?
    ) -> Int32 {
      guard let block, let data else { return PCRE2_ERROR_MATCHLIMIT }
      let budget = data.assumingMemoryBound(to: Budget.self)
      let position = Int(block.pointee.current_position)
      let run = abs(position - budget.pointee.position)
      budget.pointee.position = position
      budget.pointee.steps -= 1 + run / RegexPattern.charactersPerStep
      return budget.pointee.steps > 0 ? 0 : PCRE2_ERROR_MATCHLIMIT
    }
  }
}
