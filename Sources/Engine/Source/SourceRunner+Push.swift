import Store

extension SourceRunner {
  /// Takes a request: the source turns it into events, the intake commits them, and only then is
  /// there an answer (connectors.md 1.3).
  func receive(_ request: WebhookRequest) async -> WebhookAnswer {
    guard case .push(let source) = instance else { return .unknownSource }
    guard !isStopped, !isPaused else {
      let text = isStopped ? "the source is stopping" : "the source is paused"
      return .unavailable(status: 503, retryAfterSeconds: 5, text: text)
    }
    let reception: WebhookReception
    do {
      reception = try await source.receive(request)
      for draft in reception.events { try draft.check() }
    } catch let refusal as WebhookRefusal {
      return .refused(status: refusal.status, text: refusal.text)
    } catch let error as EngineError {
      return .refused(status: error.code == .invalid ? 400 : 500, text: error.message)
    } catch {
      log(.systemError, error: "a request failed: \(error)")
      return .refused(status: 500, text: "the request could not be processed")
    }
    guard !reception.events.isEmpty else {
      return .accepted(ids: [], isDuplicate: false, style: reception.answer)
    }
    do throws(EngineError) {
      let receipts = try await environment.intake.accept(
        reception.events, module: module, source: definition.id)
      let identity = environment.intake.identity
      return .accepted(
        ids: receipts.map { identity.ids(of: $0).event },
        isDuplicate: receipts.allSatisfy(\.isDuplicate), style: reception.answer)
    } catch  where error.code == .blocked {
      reportBlocked(error.message)
      return WebhookAnswer(refusedWith: error)
    } catch {
      log(.systemError, error: "a request's events cannot be stored: \(error)")
      return WebhookAnswer(refusedWith: error)
    }
  }
}

extension WebhookAnswer {
  /// Never a 2xx: nothing was committed (reliability.md 4, W17).
  init(refusedWith error: EngineError) {
    switch error.code {
    case .full:
      self = .unavailable(status: 507, retryAfterSeconds: 60, text: error.message)
    case .notFound: self = .unknownSource
    default:
      self = .unavailable(status: 503, retryAfterSeconds: 5, text: error.message)
    }
  }
}
