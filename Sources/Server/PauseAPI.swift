import Engine

/// Pausing and resuming sources, routes, actors and modules (cli-http.md 2.2 and 3.4).
struct PauseAPI: Sendable {
  let gateway: any RuntimeGateway

  /// - Throws: What the gateway throws; ``ControlBody/Problem``.
  func pause(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    let selection = try PauseAPI.selection(body)
    let paused = try await gateway.pause(
      selection, reason: try body.string("reason"), durationMs: try body.durationMs("for"),
      by: caller)
    return Answer(json: ["ok": true, "paused": .array(paused)])
  }

  /// - Throws: What the gateway throws; ``ControlBody/Problem``.
  func resume(_ body: ControlBody, by caller: Caller) async throws -> Answer {
    let resumed = try await gateway.resume(try PauseAPI.selection(body), by: caller)
    return Answer(json: ["ok": true, "resumed": .array(resumed)])
  }

  private static func selection(
    _ body: ControlBody
  ) throws(ControlBody.Problem) -> PauseSelection {
    let texts = try body.strings("targets")
    let module = try body.string("module")
    let isAll = try body.flag("all")
    guard isAll == texts.isEmpty else {
      throw .invalid(
        isAll ? "targets must be empty when all is true" : "targets must not be empty")
    }
    if isAll {
      guard module == nil else {
        throw .invalid("module must not be given when all is true; name module/NAME as a target")
      }
      return .all
    }
    let targets = texts.compactMap { PauseTarget($0, module: module) }
    guard targets.count == texts.count else {
      let forms = PauseTarget.Kind.allCases.map { "\($0.rawValue)/NAME" }
      throw .invalid("targets must be of the form \(forms.joined(separator: ", "))")
    }
    guard module == nil || !targets.contains(where: { $0.kind == .module }) else {
      throw .invalid("module must not be given with a target module/NAME, which is in no other")
    }
    return .targets(targets)
  }
}
