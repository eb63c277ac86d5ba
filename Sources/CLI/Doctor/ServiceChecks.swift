import Connectors
import Engine
import Foundation
import ProjectConfiguration

/// What `orgloop doctor` asks of other machines: whether they can be reached. Nothing is sent.
struct ServiceChecks {
  let project: LoadedProject

  /// 5 s (connectors.md 6).
  private static let limitMs: Int64 = 5_000

  /// The hosts of webhook actors, each once.
  func checks() async -> [DoctorReport.Check] {
    var hosts: [HostProbe.Address: String] = [:]
    for actor in project.modules.flatMap(\.actors) where actor.isEnabled {
      guard actor.connector == "webhook", let text = actor.config["url"]?.string,
        let url = URL(string: text), let host = url.host(percentEncoded: false)
      else { continue }
      let port = url.port ?? (url.scheme == "https" ? 443 : 80)
      let address = HostProbe.Address(host: host, port: port)
      if hosts[address] == nil { hosts[address] = actor.id }
    }
    return await withTaskGroup(of: DoctorReport.Check.self) { group in
      for (address, actor) in hosts { group.addTask { await check(address, of: actor) } }
      var checks: [DoctorReport.Check] = []
      for await check in group { checks.append(check) }
      return checks.sorted { $0.name < $1.name }
    }
  }

  /// A host that cannot be reached now may be well when it is needed: that is no error.
  private func check(
    _ address: HostProbe.Address, of actor: String
  ) async -> DoctorReport.Check {
    var check = DoctorReport.Check(name: address.text, description: "for actor \(actor)")
    switch await HostProbe.reach(address, limitMs: ServiceChecks.limitMs) {
    case nil: check.detail = "it answers on \(address.text)"
    case let reason?:
      check.status = .warning
      check.detail = "not checked: \(reason)"
      check.hint = "deliveries wait until it can be reached; --offline leaves this out"
    }
    return check
  }
}

/// Whether the address that a start would listen on is free.
enum PortCheck {
  /// - Parameter running: The address of our runtime, if one runs.
  static func check(_ settings: RuntimeSettings, running: String?) -> DoctorReport.Check {
    if let running {
      return DoctorReport.Check(name: "port", detail: "our runtime listens on \(running)")
    }
    let host = Surroundings.variable("ORGLOOP_HOST") ?? settings.host
    let port = Surroundings.variable("ORGLOOP_PORT").flatMap { Int($0) } ?? settings.port
    var check = DoctorReport.Check(name: "port", detail: "\(host):\(port) is free")
    guard port != 0 else {
      check.detail = "a free one is taken at the start"
      return check
    }
    if let reason = HostProbe.bindingFault(HostProbe.Address(host: host, port: port)) {
      check.status = .error
      check.detail = "\(host):\(port): \(reason)"
      check.hint = "end what uses it, or start with --port"
    }
    return check
  }
}
