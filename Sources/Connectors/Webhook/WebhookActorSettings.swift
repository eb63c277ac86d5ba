import Engine
import Foundation

/// The configuration of a webhook actor, read once (connectors.md 3.2).
struct WebhookActorSettings: Sendable {
  let url: String
  let host: String
  let method: String
  let headers: [(name: String, value: String)]
  let authorization: String?
  let secrets: [WebhookSecret]
  let template: BodyTemplate?
  let timeoutMs: Int64?

  static let fields: [ConfigField] = [
    ConfigField("url", .url, required: true, "Where the requests go."),
    ConfigField("method", .choice(["POST", "PUT"]), default: "POST", "The request method."),
    ConfigField("headers", .map(.string), "Further headers."),
    ConfigField(
      "auth",
      .object([
        ConfigField("type", .choice(["bearer", "basic"]), required: true, "The scheme."),
        ConfigField("token", .string, secret: true, "For bearer."),
        ConfigField("username", .string, "For basic."),
        ConfigField("password", .string, secret: true, "For basic."),
      ]), "Writes the Authorization header."),
    ConfigField(
      "secret", .either([.string, .list(.string)]), secret: true,
      "Signs the requests as Standard Webhooks; a list signs with each."),
    ConfigField("body_template", .map(.any), "The body, with {{ path }} in strings."),
    ConfigField(
      "timeout", .longDuration(msMin: 1), "Of one request; the route's timeout by default."),
  ]

  /// - Throws: The first ``ConfigProblem`` of level error.
  init(_ config: JSONObject) throws {
    if let problem = WebhookActorSettings.check(config).first(where: { $0.level == .error }) {
      throw problem
    }
    url = config.string("url") ?? ""
    host = URLComponents(string: url)?.host?.lowercased() ?? ""
    method = config.string("method") ?? "POST"
    headers = config.stringMap("headers")
    authorization = try WebhookActorSettings.authorization(config)
    secrets = try WebhookSecret.list(config)
    template = config["body_template"].map(BodyTemplate.init)
    timeoutMs = config.durationMs("timeout")
  }

  static func check(_ config: JSONObject) -> [ConfigProblem] {
    var problems = WebhookSecret.check(config)
    if let problem = urlProblem(config.string("url") ?? "") {
      problems.append(ConfigProblem(["url"], problem))
    }
    for (name, value) in config.stringMap("headers") {
      if let problem = HeaderCheck.problem(name: name, value: value) {
        problems.append(ConfigProblem(["headers", name], problem))
      }
    }
    do {
      _ = try authorization(config)
    } catch {
      problems.append(error)
    }
    return problems
  }

  private static func urlProblem(_ text: String) -> String? {
    guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
      let host = parts.host, !host.isEmpty
    else { return "url must be a complete URL such as https://example.com/hook" }
    guard ["http", "https"].contains(scheme) else { return "url must begin with http or https" }
    guard parts.user == nil, parts.password == nil else {
      return "url must not hold a user or password; use auth"
    }
    return nil
  }

  private static func authorization(_ config: JSONObject) throws(ConfigProblem) -> String? {
    guard let auth = config["auth"]?.object else { return nil }
    func required(_ key: String) throws(ConfigProblem) -> String {
      guard let value = auth.string(key), !value.isEmpty else {
        throw ConfigProblem(["auth", key], "auth of this type needs \(key)")
      }
      guard HeaderCheck.isSafe(value) else {
        throw ConfigProblem(["auth", key], "\(key) holds a line break or NUL")
      }
      return value
    }
    switch auth.string("type") {
    case "bearer":
      return "Bearer " + (try required("token"))
    case "basic":
      let username = try required("username")
      guard !username.contains(":") else {
        throw ConfigProblem(["auth", "username"], "a user name cannot hold a colon")
      }
      let pair = username + ":" + (try required("password"))
      return "Basic " + Data(pair.utf8).base64EncodedString()
    default:
      throw ConfigProblem(["auth", "type"], "auth needs a type: bearer or basic")
    }
  }
}

/// Header names and values that may be sent (reliability.md 4, T4).
enum HeaderCheck {
  /// Headers that decide how the message is framed or who it is for; setting them would break the
  /// request or split it.
  private static let reserved: Set<String> = [
    "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer",
    "webhook-id", "webhook-timestamp", "webhook-signature", "traceparent",
  ]

  static func problem(name: String, value: String) -> String? {
    guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else {
      return "this is not the name of a header"
    }
    guard !reserved.contains(name.lowercased()) else {
      return "this header is set by orgloop"
    }
    return isSafe(value) ? nil : "the value holds a line break or NUL"
  }

  /// No CR, LF or NUL, which would end the header and begin something else.
  static func isSafe(_ value: String) -> Bool {
    value.utf8.allSatisfy { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
  }

  /// RFC 9110 section 5.6.2.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
