import Crypto
import Engine
import Foundation

/// A secret that requests are signed with, as its two forms need it.
struct WebhookSecret: Sendable {
  let key: SymmetricKey
  /// Written `whsec_…`: Standard Webhooks, the key is the base64 after the prefix.
  /// Source: <https://github.com/standard-webhooks/standard-webhooks/tree/main/spec>
  let isStandard: Bool

  static let prefix = "whsec_"

  /// - Throws: ``ConfigProblem`` when the secret would be an empty or broken key.
  init(_ text: String, path: [String]) throws(ConfigProblem) {
    guard !text.isEmpty else {
      throw ConfigProblem(path, "the secret is empty; check the variable it comes from")
    }
    isStandard = text.hasPrefix(WebhookSecret.prefix)
    guard isStandard else {
      key = SymmetricKey(data: Array(text.utf8))
      return
    }
    let encoded = String(text.dropFirst(WebhookSecret.prefix.count))
    guard let data = Data(base64Encoded: encoded), !data.isEmpty else {
      throw ConfigProblem(path, "a whsec_ secret must go on in base64")
    }
    key = SymmetricKey(data: data)
  }

  /// The secrets of a field that holds one or a list.
  static func list(_ config: JSONObject, key: String = "secret") throws(ConfigProblem)
    -> [WebhookSecret]
  {
    guard let value = config[key], !value.isNull else { return [] }
    let texts = config.strings(key)
    guard !texts.isEmpty else {
      throw ConfigProblem([key], "secret must be a text or a list of texts that is not empty")
    }
    var secrets: [WebhookSecret] = []
    for (index, text) in texts.enumerated() {
      let path = value.array == nil ? [key] : [key, String(index)]
      secrets.append(try WebhookSecret(text, path: path))
    }
    return secrets
  }

  static func check(_ config: JSONObject) -> [ConfigProblem] {
    do {
      _ = try list(config)
    } catch {
      return [error]
    }
    let isShort = config.strings("secret").contains { $0.utf8.count < 16 }
    return isShort
      ? [
        ConfigProblem(
          ["secret"], "the secret is shorter than 16 bytes and could be guessed", level: .warning)
      ] : []
  }

  /// Whether `code` signs `message`, in a time that does not depend on where they differ.
  func signs(_ message: [UInt8], code: [UInt8]) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: message, using: key)
  }

  func code(_ message: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
  }

  /// What Standard Webhooks signs: id, time and body.
  static func signedContent(id: String, timestamp: String, body: [UInt8]) -> [UInt8] {
    Array("\(id).\(timestamp).".utf8) + body
  }
}
