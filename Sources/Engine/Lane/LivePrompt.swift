import Crypto

/// A route's prompt as one attempt uses it (config.md 6.5).
struct LivePrompt: Sendable {
  let file: PromptFile
  /// What stands below the front matter.
  let body: String
  /// The mapping of the front matter, or null.
  let metadata: JSONValue
  /// SHA-256 in hex of the whole text.
  let hash: String
  /// Why the file could not be read, where the captured text had to do.
  let fallback: String?

  /// The prompt as the file has it now, or as it was captured when the file cannot be read.
  static func read(
    _ prompt: PromptFile, files: FileReader, metadata: PromptMetadata
  ) async -> LivePrompt {
    let text: String
    var fallback: String?
    do {
      text = try await files.readText(prompt.path, bytesMax: Limits.promptBytesMax)
    } catch {
      text = prompt.captured
      fallback = "\(error)"
    }
    let (frontMatter, body) = PromptText.split(text)
    return LivePrompt(
      file: prompt, body: body,
      metadata: text == prompt.captured ? prompt.metadata : frontMatter.map(metadata) ?? .null,
      hash: SHA256.hash(data: Array(text.utf8)).hexText, fallback: fallback)
  }

  /// Lies over keys of the same name.
  func add(to config: inout JSONObject) {
    config["launch_prompt"] = .string(body)
    config["launch_prompt_file"] = .string(file.path)
    config["launch_prompt_meta"] = metadata
  }
}
