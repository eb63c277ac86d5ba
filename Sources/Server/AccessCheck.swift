import Crypto
import Engine
import HTTPTypes
import NIOCore

/// Decides who may use TCP outside webhooks (cli-http.md 3.1, reliability.md 4, C2 to C11).
///
/// The Unix socket is not checked: its file mode is the check, and no web page can reach it.
struct AccessCheck: Sendable {
  private let hosts: Set<String>
  private let origins: Set<String>
  /// A hash has one length whatever the token has, so that comparing tells nothing of it.
  private let tokenHash: SHA256Digest?
  private let throttle: TokenThrottle

  init(_ configuration: HTTPServerConfiguration, time: TimeSource) {
    let names = ["localhost", "127.0.0.1", "::1", configuration.host] + configuration.allowedHosts
    hosts = Set(names.map { AccessCheck.hostName($0.lowercased()) })
    origins = Set(configuration.allowedOrigins.map { $0.lowercased() })
    tokenHash = configuration.controlToken.map(AccessCheck.hash)
    throttle = TokenThrottle(
      wrongMax: configuration.limits.wrongTokensMax, windowMs: configuration.limits.tokenWindowMs,
      time: time)
  }

  /// Nil when the request may go on.
  func refusal(
    of request: HTTPRequest, area: Endpoint.Area, from channel: any Channel
  ) -> Answer? {
    if let refusal = browserRefusal(of: request, localAddress: channel.localAddress) {
      return refusal
    }
    guard area == .control else { return nil }
    return tokenRefusal(of: request, from: channel.remoteAddress?.ipAddress ?? "")
  }

  /// A page in the operator's browser can make it send requests here; it cannot forge `Host`
  /// (which defeats DNS rebinding), `Origin` or `Sec-Fetch-Site`.
  private func browserRefusal(
    of request: HTTPRequest, localAddress: SocketAddress?
  ) -> Answer? {
    guard let authority = request.authority, !authority.isEmpty else {
      return .problem(.badRequest, "Missing Host header")
    }
    let host = AccessCheck.hostName(authority.lowercased())
    guard hosts.contains(host) || host == localAddress?.ipAddress else {
      return .problem(.forbidden, "Host not allowed")
    }
    let fields = request.headerFields
    let isListed = fields[values: .origin].allSatisfy { origins.contains($0.lowercased()) }
    let hasOrigin = fields.contains(.origin)
    guard isListed else { return .problem(.forbidden, "Origin not allowed") }
    if !hasOrigin, fields[.secFetchSite]?.lowercased() == "cross-site" {
      return .problem(.forbidden, "Cross-site requests are not allowed")
    }
    guard request.method != .options else {
      return .problem(.forbidden, "Cross-origin requests are not answered")
    }
    return nil
  }

  /// The token is read from `Authorization` only: a query ends up in logs and histories.
  private func tokenRefusal(of request: HTTPRequest, from address: String) -> Answer? {
    if let seconds = throttle.secondsToWait(address) {
      return .retryLater(.tooManyRequests, afterSeconds: seconds, "Too many wrong tokens")
    }
    let fields = request.headerFields[values: .authorization]
    guard fields.count == 1, let presented = AccessCheck.bearerToken(fields[0]) else {
      return AccessCheck.unauthorized("Missing token")
    }
    // `==` of two digests takes the same time wherever they differ.
    // Source: swift-crypto, Digest.swift, `safeCompare`.
    guard let tokenHash, AccessCheck.hash(presented) == tokenHash else {
      throttle.countWrong(address)
      return AccessCheck.unauthorized("Wrong token")
    }
    return nil
  }

  private static func unauthorized(_ text: String) -> Answer {
    var answer = Answer.problem(.unauthorized, text)
    answer.fields[.wwwAuthenticate] = "Bearer"
    return answer
  }

  private static func bearerToken(_ field: String) -> String? {
    let parts = field.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return String(parts[1])
  }

  private static func hash(_ token: String) -> SHA256Digest {
    var hasher = SHA256()
    var token = token
    token.withUTF8 { hasher.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    return hasher.finalize()
  }

  /// A host without its port and, for IPv6, without its brackets.
  private static func hostName(_ authority: String) -> String {
    if authority.hasPrefix("[") {
      return String(authority.dropFirst().prefix { $0 != "]" })
    }
    // More than one colon is an IPv6 address as a configuration writes it.
    guard authority.count(where: { $0 == ":" }) == 1 else { return authority }
    return String(authority.prefix { $0 != ":" })
  }
}

extension HTTPField.Name {
  static let secFetchSite = literal("Sec-Fetch-Site")
  static let idempotencyKey = literal("Idempotency-Key")
  static let link = literal("Link")

  /// A name that is known to be a valid token.
  private static func literal(_ name: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(name) else { preconditionFailure("not a field name: \(name)") }
    return name
  }
}
