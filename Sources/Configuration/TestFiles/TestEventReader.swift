import Engine

/// Reads one event of a test case: an envelope of which much may be left out.
struct TestEventReader {
  let reader: TestFileReader
  /// What the file or the case says.
  let module: String?
  /// The module that the file stands beside.
  let beside: String?

  private var session: Session { reader.session }
  private var modules: [ModuleDefinition] { reader.project.modules }

  /// Nil after a report.
  func step(_ node: Node) -> TestCase.Step? {
    guard var event = envelope(node) else { return nil }
    var named: String?
    if let given = node["module"] {
      guard let text = session.text(given, "event.module", code: "test.value"),
        let known = reader.module(text, at: given.origin)
      else { return nil }
      named = known
    }
    let module = named ?? module ?? event["module"]?.string ?? neighbour(of: event)
    guard let source = source(&event, module, node) else { return nil }
    if event["type"] == nil { event["type"] = .string(EventType.resourceChanged.rawValue) }
    var provenance = event["provenance"]?.object ?? [:]
    if provenance["platform"] == nil { provenance["platform"] = .string(platform(of: source)) }
    event["provenance"] = .object(provenance)
    event["module"] = nil
    return TestCase.Step(event: event, module: module, origin: node.origin, expectation: nil)
  }

  /// The file's event with what stands beside it on top; a text is the name of a file.
  private func envelope(_ node: Node) -> JSONObject? {
    if let name = node.string { return file(name, at: node.origin) }
    guard let node = reader.map(node, "event") else { return nil }
    checkValues(node)
    guard case .object(var own) = node.json else { return nil }
    own["file"] = nil
    guard let name = node["file"] else { return own }
    guard let text = session.text(name, "event.file", code: "test.value"),
      let base = file(text, at: name.origin)
    else { return nil }
    return TestEventReader.laid(own, over: base)
  }

  /// Maps key by key, anything else as a whole.
  private static func laid(_ top: JSONObject, over base: JSONObject) -> JSONObject {
    var result = base
    for member in top.members {
      if let lower = base[member.key]?.object, let upper = member.value.object {
        result[member.key] = .object(laid(upper, over: lower))
      } else {
        result[member.key] = member.value
      }
    }
    return result
  }

  private func file(_ name: String, at origin: Origin) -> JSONObject? {
    let root = reader.project.projectRoot
    guard let path = session.locate(name, near: origin, root: root) else {
      session.error("test.file", "there is no file \(name)", at: origin)
      return nil
    }
    do {
      let bytes = try FileAccess.read(path, bytesMax: Limits.eventBytesMax)
      let text = try JSONText(checking: bytes)
      guard case .object(let object) = text.value() else {
        session.error("test.file", "\(name) is JSON but not an object", at: origin)
        return nil
      }
      return object
    } catch let error as FileAccess.Failure {
      session.error("test.file", "\(name): \(error.message)", at: origin)
    } catch {
      session.error("test.file", "\(name) is not valid JSON: \(error)", at: origin)
    }
    return nil
  }

  private func checkValues(_ node: Node) {
    for pair in node.pairs where !Tables.testEvent.keys.contains(pair.key) {
      // Events may have keys of their own; one that is nearly a known one is a slip.
      guard let meant = Suggestion.nearest(to: pair.key, among: Tables.testEvent.keys) else {
        continue
      }
      session.report(
        .error, "test.key", "event: unknown key \"\(pair.key)\"", at: pair.keyOrigin,
        among: [meant], meant: pair.key)
    }
    if let type = node["type"] {
      _ = session.choice(
        type, "event.type", EventType.allCases.map(\.rawValue), code: "test.value")
    }
    if let provenance = node["provenance"] { _ = reader.map(provenance, "event.provenance") }
    if let time = node["timestamp"],
      let text = session.text(time, "event.timestamp", code: "test.value"), ISOTime.ms(text) == nil
    {
      reader.refuse(time, "event.timestamp", "must be an ISO 8601 time")
    }
    for key in ["id", "trace_id"] {
      if let id = node[key] { _ = session.text(id, "event.\(key)", code: "test.value") }
    }
  }

  /// The event's source; where there is only one to choose from, it need not be named.
  private func source(_ event: inout JSONObject, _ module: String?, _ node: Node) -> String? {
    let candidates = modules.filter { module == nil || $0.name == module || $0.alias == module }
    let known = candidates.flatMap { $0.sources.map(\.id) }
    guard let written = event["source"] else {
      guard let only = known.first, known.count == 1 else {
        session.error(
          "test.missing", "event: \"source\" is missing: \(known.joined(separator: ", "))",
          at: node.origin)
        return nil
      }
      event["source"] = .string(only)
      return only
    }
    guard let source = written.string else {
      reader.refuse(node["source"] ?? node, "event.source", "must be a string")
      return nil
    }
    if candidates.contains(where: { Rehearsal.sources(of: $0).contains(source) }) { return source }
    session.report(
      .error, "test.source", "no source \"\(source)\"" + (module.map { " in module \($0)" } ?? ""),
      at: node["source"]?.origin ?? node.origin, among: known, meant: source)
    return nil
  }

  /// The module beside, if the event's source is one of its own.
  private func neighbour(of event: JSONObject) -> String? {
    let definition = modules.first { $0.name == beside }
    return definition?.sources.contains { $0.id == event["source"]?.string } == true ? beside : nil
  }

  /// What a source of that kind would write.
  private func platform(of source: String) -> String {
    if source == "orgloop" { return source }
    let definition = modules.lazy.flatMap(\.sources).first { $0.id == source }
    return definition?.connector ?? "exec"
  }
}
