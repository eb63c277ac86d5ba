import Engine
import Foundation

/// Decides whether a request was signed with one of our secrets: `hub`, or Standard Webhooks for
/// `whsec_` secrets (connectors.md 1.3 and 2.5).
struct SignatureCheck: Sendable {
  let secrets: [WebhookSecret]

  /// - Throws: ``WebhookRefusal`` 401, or 400 when a header that may stand once stands twice.
  func verify(_ request: WebhookRequest, nowMs: Int64) throws(WebhookRefusal) {
    guard !secrets.isEmpty else { return }
    let hub = secrets.filter { !$0.isStandard }
    let standard = secrets.filter(\.isStandard)
    if !standard.isEmpty, hub.isEmpty || request.header("webhook-signature") != nil {
      try verifyStandard(request, standard, nowMs: nowMs)
    } else {
      try verifyHub(request, hub)
    }
  }

  private func verifyHub(
    _ request: WebhookRequest, _ secrets: [WebhookSecret]
  ) throws(WebhookRefusal) {
    let names = ["x-hub-signature-256", "x-signature"]
    guard let name = names.first(where: { request.headerCount($0) > 0 }) else {
      throw WebhookRefusal(status: 401, "Missing signature")
    }
    let value = try once(name, request)
    guard !value.isEmpty else { throw WebhookRefusal(status: 401, "Missing signature") }
    guard value.hasPrefix("sha256="), let code = Hexadecimal.bytes(value.dropFirst(7)),
      code.count == 32
    else { throw SignatureCheck.invalid }
    // Every secret is tried, so the time does not tell which one matched.
    let matches = secrets.count { $0.signs(request.body, code: code) }
    guard matches > 0 else { throw SignatureCheck.invalid }
  }

  private func verifyStandard(
    _ request: WebhookRequest, _ secrets: [WebhookSecret], nowMs: Int64
  ) throws(WebhookRefusal) {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
    guard names.allSatisfy({ request.header($0)?.isEmpty == false }) else {
      throw WebhookRefusal(status: 401, "Missing signature")
    }
    let id = try once(names[0], request)
    let timestamp = try once(names[1], request)
    let signatures = try once(names[2], request)
    // Digits only: Int64 would take a sign, and a sign would be signed along.
    guard timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let sent = Int64(timestamp),
      // The subtraction cannot overflow: sent is not negative, and the clock is far from the ends.
      abs(nowMs / 1_000 - sent) <= ConnectorLimits.signatureToleranceSeconds
    else { throw SignatureCheck.invalid }
    let content = WebhookSecret.signedContent(id: id, timestamp: timestamp, body: request.body)
    let codes = signatures.split(separator: " ").prefix(16).compactMap { entry -> [UInt8]? in
      guard entry.hasPrefix("v1,") else { return nil }
      return Data(base64Encoded: String(entry.dropFirst(3))).map { Array($0) }
    }
    let matches = codes.count { code in
      secrets.count { $0.signs(content, code: code) } > 0
    }
    guard matches > 0 else { throw SignatureCheck.invalid }
  }

  /// The value of a header that two parties could otherwise read differently.
  private func once(_ name: String, _ request: WebhookRequest) throws(WebhookRefusal) -> String {
    guard request.headerCount(name) <= 1 else {
      throw WebhookRefusal(status: 400, "More than one \(name) header")
    }
    return request.header(name) ?? ""
  }

  private static let invalid = WebhookRefusal(status: 401, "Invalid signature")
}
