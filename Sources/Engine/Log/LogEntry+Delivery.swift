extension LogEntry {
  /// An entry about one delivery of one event.
  init(
    _ phase: LogPhase, delivery: String, attempt: Int, event: AcceptedEvent, worker: RouteWorker,
    at timestampMs: Int64, transform: String? = nil, result: String? = nil,
    durationMs: Int64? = nil, error: String? = nil, metadata: JSONObject? = nil
  ) {
    self.init(
      phase, timestampMs: timestampMs, eventID: event.id, traceID: event.traceID,
      source: event.source, target: worker.route.actor.id, route: worker.route.name,
      transform: transform, eventType: event.type.rawValue, result: result,
      durationMs: durationMs, error: error, metadata: metadata, module: event.module,
      deliveryID: delivery, attempt: attempt)
  }
}
