import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Refuses to open unsigned webhooks to other machines (reliability.md 4, W1).
enum WebhookExposure {
  /// - Throws: ``Failure`` naming the first source that has no secret and no `insecure: true`.
  static func check(
    _ modules: [ModuleDefinition], host: String, catalog: ConnectorCatalog
  ) throws {
    guard !isLoopback(host) else { return }
    for module in modules {
      for source in module.sources where source.isEnabled {
        guard let role = catalog.connectors[source.connector]?.source,
          role.mode(source.config) == .push, !hasSecret(source.config),
          source.config["insecure"]?.bool != true
        else { continue }
        throw Failure(
          .configuration, .configuration,
          "source \(source.id) of module \(module.name) has no secret, and \(host) is reachable "
            + "by other machines",
          hint: "set config.secret of the source, runtime.http.host to 127.0.0.1, or "
            + "config.insecure: true if something in front of it checks the sender")
      }
    }
  }

  private static func hasSecret(_ config: JSONObject) -> Bool {
    switch config["secret"] {
    case .string(let text)?: !text.isEmpty
    case .array(let list)?: !list.isEmpty
    default: false
    }
  }

  /// Whether only this machine can reach an address. A name counts as its own text says; what it
  /// resolves to could change after the check.
  static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" || host == "[::1]" { return true }
    var address = in_addr()
    guard inet_pton(AF_INET, host, &address) == 1 else { return false }
    return UInt32(bigEndian: address.s_addr) >> 24 == 127
  }
}
