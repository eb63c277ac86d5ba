package import Engine

/// Prompt files: Markdown with an optional block of metadata at the top (config.md 6.5).
package enum PromptReader {
  /// The metadata in a front matter: its mapping, or null for whatever is not one; config.md 6.5
  /// asks for null, not for an error. The engine calls this at each delivery, because prompts are
  /// live.
  @Sendable package static func metadata(ofFrontMatter text: String) -> JSONValue {
    // Why it is no YAML does not matter here.
    guard let node = try? YAMLDocument.parse(Array(text.utf8), file: ""), node.isMap else {
      return .null
    }
    return node.json
  }

  /// Nil when the bytes are not UTF-8.
  static func read(_ bytes: [UInt8], path: String) -> PromptFile? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let frontMatter = PromptText.split(text).frontMatter
    return PromptFile(
      path: path, captured: text,
      metadata: frontMatter.map(metadata(ofFrontMatter:)) ?? .null)
  }
}
