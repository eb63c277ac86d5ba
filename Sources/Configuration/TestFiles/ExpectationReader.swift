import Engine

/// Reads what a test case expects.
struct ExpectationReader {
  let reader: TestFileReader

  private var session: Session { reader.session }

  /// Nil after a report.
  func expectation(_ node: Node) -> RehearsalExpectation? {
    guard let node = reader.map(node, "expect") else { return nil }
    reader.checkKeys(node, Tables.testExpectation.keys, "expect")
    if let pair = node.pair("no_match") {
      if node["routes"] != nil {
        reader.refuse(pair.value, "no_match", "\"routes\" is there already; give one of them")
      }
      guard session.flag(pair.value, "no_match", code: "test.value") == true else {
        reader.refuse(pair.value, "no_match", "is true or is left out")
        return nil
      }
      return RehearsalExpectation(isExact: true, routes: [], origin: pair.keyOrigin)
    }
    guard let pair = node.pair("routes") else {
      session.error(
        "test.missing", "expect: \"routes\" or \"no_match\" is missing", at: node.origin)
      return nil
    }
    return routes(pair)
  }

  /// A list names all routes that match; a map says something of some.
  private func routes(_ pair: Node.Pair) -> RehearsalExpectation? {
    var entries: [(name: String, origin: Origin, value: Node?)] = []
    if pair.value.isMap, pair.value.pairs.isEmpty {
      reader.refuse(
        pair.value, "routes", "an empty map expects nothing; [] is that no route matches")
    }
    switch pair.value.content {
    case .map(let pairs): entries = pairs.map { ($0.key, $0.keyOrigin, $0.value) }
    case .list(let list):
      for each in list {
        if let name = each.string {
          entries.append((name, each.origin, nil))
        } else if let only = each.pairs.first, each.pairs.count == 1 {
          entries.append((only.key, only.keyOrigin, only.value))
        } else {
          reader.refuse(each, "routes", "an entry is a name or {name: {…}}")
        }
      }
    default:
      reader.refuse(pair.value, "routes", "must be a list or a map, not \(pair.value.kind)")
      return nil
    }
    let routes = entries.compactMap { route($0.name, $0.origin, $0.value) }
    for (index, route) in routes.enumerated()
    where routes[..<index].contains(where: { $0.name == route.name }) {
      session.error("test.route", "route \"\(route.written)\" is named twice", at: route.origin)
    }
    if pair.value.list != nil {
      for route in routes {
        guard case .notMatched = route.outcome else { continue }
        session.error(
          "test.value",
          "\(route.written): a list names the routes that match; \"matched: false\" belongs in a map",
          at: route.origin)
      }
    }
    return RehearsalExpectation(
      isExact: pair.value.list != nil, routes: routes, origin: pair.keyOrigin)
  }

  private func route(_ written: String, _ origin: Origin, _ value: Node?) -> RehearsalExpectation
    .Route?
  {
    guard let name = reader.route(written, at: origin) else { return nil }
    var route = RehearsalExpectation.Route(
      name: name, written: written, origin: origin, outcome: .delivered)
    guard let value, !value.isNull else { return route }
    guard let node = reader.map(value, written) else { return nil }
    reader.checkKeys(node, Tables.testRoute.keys, written)
    if let matched = node["matched"],
      let flag = session.flag(matched, "matched", code: "test.value")
    {
      route.outcome = flag ? .matched : .notMatched
      if !flag, node.pairs.count > 1 {
        reader.refuse(matched, written, "nothing more can be said of a route that does not match")
      }
    }
    if let pair = node.pair("dropped") {
      dropped(pair, &route)
      for key in ["transformed", "config", "prompt", "inbox"] {
        guard let other = node.pair(key) else { continue }
        session.error(
          "test.value", "\(written): \(key): nothing is left of an event that is dropped",
          at: other.keyOrigin)
      }
    }
    if let pair = node.pair("error") {
      route.error =
        pair.value.json == .bool(true)
        ? RehearsalExpectation.Field(
          path: DotPath(keys: ["error"]), condition: .exists(true), shown: "an error",
          origin: pair.keyOrigin)
        : field(DotPath(keys: ["error"]), pair, "\(written): error")
    }
    route.transformed = node["transformed"].map { fields($0, "\(written): transformed") } ?? []
    route.config = node["config"].map { fields($0, "\(written): config") } ?? []
    let prompt = node["prompt"].map { $0.list ?? [$0] }
    if let place = node["prompt"], prompt?.isEmpty == true {
      reader.refuse(place, "\(written): prompt", "an empty list expects nothing")
    }
    for piece in prompt ?? [] {
      if let text = session.text(piece, "\(written): prompt", code: "test.value") {
        route.prompt.append(RehearsalExpectation.Text(text, at: piece.origin))
      }
    }
    if let pair = node.pair("order_key") { route.orderKey = orderKey(pair, written) }
    if let pair = node.pair("inbox"),
      let flag = session.flag(pair.value, "\(written): inbox", code: "test.value")
    {
      route.isInbox = RehearsalExpectation.Text(flag ? "true" : "false", at: pair.keyOrigin)
    }
    return route
  }

  private func dropped(_ pair: Node.Pair, _ route: inout RehearsalExpectation.Route) {
    let label = "\(route.written): dropped"
    if case .bool(true) = pair.value.content {
      route.outcome = .dropped(by: nil, reason: nil, origin: pair.keyOrigin)
      return
    }
    guard let node = filled(pair.value, label) else { return }
    reader.checkKeys(node, Tables.testDrop.keys, label)
    var by: RehearsalExpectation.Text?
    if let name = node.pair("by"), let text = session.text(name.value, label, code: "test.value") {
      let steps =
        reader.project.modules.first { $0.name == route.name.module }?
        .routes.first { $0.name == route.name.name }?.transforms.map(\.name) ?? []
      if !steps.contains(text) {
        session.report(
          .error, "test.transform", "\(label): the route has no transform \"\(text)\"",
          at: name.value.origin, among: steps, meant: text)
      }
      by = RehearsalExpectation.Text(text, at: name.keyOrigin)
    }
    let reason = node.pair("reason").flatMap { field(DotPath(keys: ["reason"]), $0, label) }
    route.outcome = .dropped(by: by, reason: reason, origin: pair.keyOrigin)
  }

  /// A map with something in it; nil after a report.
  private func filled(_ node: Node, _ label: String) -> Node? {
    guard let node = reader.map(node, label) else { return nil }
    guard node.pairs.isEmpty else { return node }
    reader.refuse(node, label, "an empty map expects nothing")
    return nil
  }

  /// A key is text; null is that there is none.
  private func orderKey(_ pair: Node.Pair, _ written: String) -> RehearsalExpectation.Field? {
    let path = DotPath(keys: ["order_key"])
    switch pair.value.content {
    case .null:
      return RehearsalExpectation.Field(
        path: path, condition: .exists(false), shown: "no key", origin: pair.keyOrigin)
    case .number, .bool:
      let text = JSONValue.string(pair.value.scalarText ?? "")
      return RehearsalExpectation.Field(
        path: path, condition: .equals(text), shown: JSONText(text).description,
        origin: pair.keyOrigin)
    default: return field(path, pair, "\(written): order_key")
    }
  }

  private func fields(_ node: Node, _ label: String) -> [RehearsalExpectation.Field] {
    guard let node = filled(node, label) else { return [] }
    return node.pairs.compactMap { pair in
      guard let path = DotPath(pair.key) else {
        session.error(
          "test.condition",
          "\(label) \(pair.key): not a path: segments between dots must not be "
            + "empty", at: pair.keyOrigin)
        return nil
      }
      return field(path, pair, "\(label) \(pair.key)")
    }
  }

  private func field(_ path: DotPath, _ pair: Node.Pair, _ label: String) -> RehearsalExpectation
    .Field?
  {
    guard let condition = reader.condition(pair.value, label) else { return nil }
    return RehearsalExpectation.Field(
      path: path, condition: condition, shown: JSONText(pair.value.json).description,
      origin: pair.keyOrigin)
  }
}
