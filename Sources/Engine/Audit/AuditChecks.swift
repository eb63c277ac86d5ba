/// The output checks of events.md 9: pure functions of the interpolated configuration and the text
/// that came with the event. The operator's own prompt is not looked at.
///
/// Texts are scanned to their end, in a time that grows as they do.
package enum AuditChecks {
  /// 64 KiB: longer texts are not compared.
  package static let echoBytesMax = 64 << 10
  /// 20: shorter texts are too alike by chance.
  package static let echoBytesMin = 20
  /// 10: flags of one kind.
  static let scopeFlagsMax = 10
  /// 255: the longest name that DNS has; what is longer is cut.
  static let hostBytesMax = 255

  /// - Parameters:
  ///   - config: What the actor is given, as JSON.
  ///   - event: The envelope as it is delivered, as JSON.
  ///   - payload: Of the event, as JSON.
  ///   - isInterpolated: The configuration has text of the event in it.
  package static func flags(
    config: [UInt8], event: [UInt8], payload: [UInt8], isInterpolated: Bool, policy: AuditPolicy
  ) -> [AuditFlag] {
    let texts = [AuditText.normalized(config), AuditText.normalized(event)]
    var flags: [AuditFlag] = []
    if let found = texts.lazy.compactMap(instruction).first {
      flags.append(AuditFlag("instruction_content", .critical, "gives instructions: \(found)"))
    }
    if isInterpolated,
      let share = echo(
        texts[0], AuditText.normalized(payload), atLeast: policy.echoThreshold)
    {
      let percent = Int(share * 100)
      flags.append(
        AuditFlag(
          "input_echo", share >= 0.9 ? .critical : .warning,
          "\(percent) % like the event's payload"))
    }
    var scope: Set<String> = []
    for text in texts { self.scope(text, policy.allowedDomains, into: &scope) }
    for message in scope.sorted() {
      flags.append(AuditFlag("scope_violation", .warning, message))
    }
    return flags
  }

  // MARK: Instructions

  /// By their first byte.
  private static let phrases: [[[UInt8]]] = {
    let phrases = [
      "ignore previous instructions", "ignore all previous instructions", "you are now",
      "system:", "new instructions", "override instructions", "updated instructions",
      "execute the following", "run the following", "modify your instructions",
      "modify your behavior", "modify your prompt", "[inst]", "<<sys>>",
    ].map { Array($0.utf8) }
    return (0...255).map { byte in phrases.filter { Int($0[0]) == byte } }
  }()

  /// The first phrase that tries to give new instructions.
  static func instruction(_ text: [UInt8]) -> String? {
    for index in text.indices {
      for phrase in phrases[Int(text[index])] where begins(text, index, phrase) {
        return String(decoding: phrase, as: UTF8.self)
      }
      if text[index] == UInt8(ascii: "-"), isRule(text, index) { return "a line of hyphens" }
      if text[index] == UInt8(ascii: "b"), isEncoded(text, index) { return "base64" }
    }
    return nil
  }

  /// Whether a phrase is there; between its words a line may end.
  private static func begins(_ text: [UInt8], _ start: Int, _ phrase: [UInt8]) -> Bool {
    guard text.count - start >= phrase.count else { return false }
    return phrase.indices.allSatisfy { offset in
      let byte = text[start + offset]
      return byte == phrase[offset] || (byte == 0x0A && phrase[offset] == 0x20)
    }
  }

  /// A line of nothing but three or more hyphens begins here.
  private static func isRule(_ text: [UInt8], _ start: Int) -> Bool {
    guard start == 0 || isLineEdge(text[start - 1]) else { return false }
    let end = text[start...].firstIndex { $0 != UInt8(ascii: "-") } ?? text.endIndex
    return end - start >= 3 && (end == text.endIndex || isLineEdge(text[end]))
  }

  /// A string's end is a line's end too.
  private static func isLineEdge(_ byte: UInt8) -> Bool {
    byte == 0x0A || byte == UInt8(ascii: "\"")
  }

  /// `base64` and, behind one separator or none, 20 characters of that alphabet.
  private static func isEncoded(_ text: [UInt8], _ start: Int) -> Bool {
    guard text[start...].starts(with: "base64".utf8) else { return false }
    let rest = text[(start + 6)...].drop { " :,=\"\n".utf8.contains($0) }.prefix(20)
    return rest.count == 20 && rest.allSatisfy(isBase64)
  }

  private static func isBase64(_ byte: UInt8) -> Bool {
    isWord(byte) || "+/=".utf8.contains(byte)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
  }

  // MARK: Echo

  /// How alike two texts are: the share of the pairs of neighbouring bytes that both have, each as
  /// often as it occurs. Nil below the threshold.
  static func echo(_ left: [UInt8], _ right: [UInt8], atLeast threshold: Double) -> Double? {
    let (short, long) = (min(left.count, right.count), max(left.count, right.count))
    guard short >= echoBytesMin, long < echoBytesMax,
      // No more than the shorter can be in both.
      Double(short) >= threshold * Double(long)
    else { return nil }
    var counts: [UInt16: Int] = [:]
    for pair in zip(left, left.dropFirst()) {
      counts[UInt16(pair.0) << 8 | UInt16(pair.1), default: 0] += 1
    }
    var common = 0
    for pair in zip(right, right.dropFirst()) {
      let key = UInt16(pair.0) << 8 | UInt16(pair.1)
      guard let count = counts[key], count > 0 else { continue }
      counts[key] = count - 1
      common += 1
    }
    let share = Double(common) / Double(left.count + right.count - 2 - common)
    return share >= threshold ? share : nil
  }

  // MARK: Scope

  private static let commands = ["curl", "wget", "ssh", "scp", "rsync", "sudo"]
    .map { Array($0.utf8) }

  /// - Parameter found: At most ``scopeFlagsMax`` different messages.
  static func scope(_ text: [UInt8], _ allowedDomains: [String], into found: inout Set<String>) {
    for index in text.indices where found.count < scopeFlagsMax {
      let isStart = index == 0 || !isWord(text[index - 1])
      switch text[index] {
      case UInt8(ascii: "h") where isStart:
        if let message = address(text[index...], allowedDomains) { found.insert(message) }
      case UInt8(ascii: "r") where isStart && text[index...].starts(with: "rm -rf".utf8):
        found.insert("shell: rm -rf")
      case UInt8(ascii: "|"):
        let rest = text[(index + 1)...].drop { $0 == 0x20 }
        if ["sh", "bash", "zsh"].contains(where: { isCommand(rest, Array($0.utf8)) }) {
          found.insert("shell: a pipe into a shell")
        }
      default: break
      }
      guard isStart, "cwsr".utf8.contains(text[index]) else { continue }
      if let name = commands.first(where: {
        isCommand(text[index...], $0) && takesMore(text, index, $0)
      }) {
        found.insert("shell: " + String(decoding: name, as: UTF8.self))
      }
      if text[index...].starts(with: "chmod ".utf8),
        text[(index + 6)...].prefix(3).count(where: { (0x30...0x37).contains($0) }) == 3
      {
        found.insert("shell: chmod")
      }
    }
  }

  private static func isCommand(_ text: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool {
    text.starts(with: name)
      && (text.dropFirst(name.count).first.map { !isWord($0) } ?? true)
  }

  /// A command has arguments; the word alone is talk.
  private static func takesMore(_ text: [UInt8], _ start: Int, _ name: [UInt8]) -> Bool {
    text[start...].dropFirst(name.count).first == 0x20
  }

  /// What is wrong with the URL that begins here; nil for none and for a good one.
  private static func address(_ text: ArraySlice<UInt8>, _ allowed: [String]) -> String? {
    let schemes = ["http://", "https://"]
    guard let scheme = schemes.first(where: { text.starts(with: $0.utf8) }) else { return nil }
    let rest = text.dropFirst(scheme.utf8.count)
    let authority = rest.prefix { !"/?# \"'<>)]}\n\\".utf8.contains($0) }
    // What comes before an @ is a name and a password.
    let host =
      (authority.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false).last ?? [])
      .prefix { $0 != UInt8(ascii: ":") }
    let name = String(decoding: host.prefix(hostBytesMax), as: UTF8.self)
    guard !host.isEmpty, host.allSatisfy({ isWord($0) || $0 >= 0x80 || "-.[".utf8.contains($0) })
    else { return "malformed URL" }
    guard !allowed.isEmpty else { return nil }
    let isAllowed = allowed.contains { domain in
      let domain = domain.lowercased()
      return host.count <= hostBytesMax
        && (name == domain || name.hasSuffix("." + domain))
    }
    return isAllowed ? nil : "URL outside allowed_domains: \(name)"
  }
}
