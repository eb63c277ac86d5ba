import Engine

/// Reads one test file.
struct TestFileReader {
  let session: Session
  let project: LoadedProject
  private var used: Used

  init(_ session: Session, _ project: LoadedProject) {
    self.session = session
    self.project = project
    used = Used(names: Set(project.variables.map(\.name)).sorted())
  }

  /// What refers to variables: places in the project, and the file's own params.
  private struct Used {
    let names: [String]
    var texts: [String] = []
  }

  /// What a file says for all its cases, or a case for itself.
  private struct Common {
    var setting = TestCase.Setting()
    var mocks: [String: RehearsalMock] = [:]
    /// Of the events.
    var module: String?
    /// The module that the file stands beside: meant where it has the source.
    var beside: String?
  }

  mutating func read(_ path: String) -> TestFile {
    let top = Origin(file: session.shown(path), line: 1, column: 1)
    var cases: [TestCase] = []
    if let document = session.document(path, namedAt: top) {
      used.texts = TestFileReader.parameterTexts(document)
      cases = self.cases(document, path)
    }
    return TestFile(
      path: session.shown(path), cases: cases,
      diagnostics: Set(session.diagnostics).sorted())
  }

  private static func parameterTexts(_ document: Node) -> [String] {
    ([document] + (document["tests"]?.list ?? []))
      .flatMap { $0["params"]?.pairs ?? [] }.flatMap(\.value.pairs).compactMap(\.value.scalarText)
  }

  private func cases(_ document: Node, _ path: String) -> [TestCase] {
    guard let top = map(document, "the file") else { return [] }
    if let version = top["apiVersion"], version.string != FileKind.apiVersion {
      session.error(
        "file.api-version",
        "apiVersion \"\(version.display)\" is not known; this is \(FileKind.apiVersion)",
        at: version.origin)
    }
    if let kind = top["kind"], kind.string != Tables.testsKind {
      session.error(
        "file.kind", "kind \"\(kind.display)\" does not belong here; expected Tests",
        at: kind.origin)
    }
    checkKeys(top, Tables.testFile.keys, "the file")
    var common = Common()
    common.beside = moduleBeside(path)
    common = self.common(top, over: common)
    guard let list = top["tests"] else {
      session.error("test.missing", "the file has no \"tests\"", at: top.origin)
      return []
    }
    guard let nodes = self.list(list, "tests") else { return [] }
    var names: [String: Origin] = [:]
    return nodes.compactMap { node in
      let before = session.errorCount
      let testCase = self.testCase(node, common, &names)
      return session.errorCount == before ? testCase : nil
    }
  }

  private func moduleBeside(_ path: String) -> String? {
    let root = FilePath.directory(FilePath.directory(path))
    guard root != project.projectRoot else { return nil }
    return project.modules.first { $0.root == root }?.name
  }

  private func testCase(
    _ node: Node, _ common: Common, _ names: inout [String: Origin]
  ) -> TestCase? {
    guard let node = map(node, "a test"), let name = required(node, "name", "a test"),
      let text = session.text(name, "name", code: "test.value")
    else { return nil }
    if let first = names[text] {
      session.error("test.name", "test \"\(text)\" is already at \(first)", at: name.origin)
    }
    names[text] = name.origin
    checkKeys(node, Tables.testCase.keys, "test")
    let common = self.common(node, over: common)
    var steps = self.steps(node, common)
    expect(node, &steps)
    return TestCase(
      name: text, origin: node.origin, setting: common.setting, mocks: common.mocks, steps: steps)
  }

  private func steps(_ node: Node, _ common: Common) -> [TestCase.Step] {
    let events: [Node]
    switch (node["event"], node["events"]) {
    case (let event?, nil): events = [event]
    case (nil, let list?):
      guard let nodes = self.list(list, "events") else { return [] }
      if nodes.isEmpty { refuse(list, "events", "an empty list tests nothing") }
      events = nodes
    case (.some, .some(let other)):
      refuse(other, "events", "\"event\" is there already; give one of them")
      return []
    case (nil, nil):
      session.error("test.missing", "test: \"event\" is missing", at: node.origin)
      return []
    }
    return events.compactMap { event in
      let reader = TestEventReader(reader: self, module: common.module, beside: common.beside)
      return reader.step(event)
    }
  }

  /// A map is about the last event, a list about each.
  private func expect(_ node: Node, _ steps: inout [TestCase.Step]) {
    guard let expect = required(node, "expect", "test") else { return }
    let reader = ExpectationReader(reader: self)
    // Read also when there is no event to go with it, so that all problems are told at once.
    guard let list = expect.list else {
      let expectation = reader.expectation(expect)
      if !steps.isEmpty { steps[steps.count - 1].expectation = expectation }
      return
    }
    let count = node["events"]?.list?.count ?? 1
    if list.count != count {
      refuse(
        expect, "expect",
        "a list has an entry for each event: \(count), not \(list.count); null expects nothing")
    }
    if !list.isEmpty, list.allSatisfy(\.isNull) {
      refuse(expect, "expect", "nothing is expected of any event")
    }
    for (index, each) in list.enumerated() where !each.isNull {
      let expectation = reader.expectation(each)
      if index < steps.count { steps[index].expectation = expectation }
    }
  }

  // MARK: What files and cases have in common

  private func common(_ node: Node, over base: Common) -> Common {
    var common = base
    variables(node, &common)
    for pair in node["params"].flatMap({ map($0, "params") })?.pairs ?? [] {
      let module = self.module(pair.key, at: pair.keyOrigin) ?? pair.key
      for value in map(pair.value, "params.\(pair.key)")?.pairs ?? [] {
        let text = scalar(value.value, "params.\(pair.key).\(value.key)")
        common.setting.parameters[module, default: [:]][value.key] = text.map {
          LoadOptions.Parameter($0, at: value.keyOrigin)
        }
      }
    }
    let transforms = project.modules.flatMap { $0.routes.flatMap { $0.transforms.map(\.name) } }
    for pair in node["mocks"].flatMap({ map($0, "mocks") })?.pairs ?? [] {
      if !transforms.contains(pair.key) {
        session.report(
          .error, "test.transform", "no route uses a transform \"\(pair.key)\"",
          at: pair.keyOrigin, among: Set(transforms).sorted(), meant: pair.key)
      }
      if let mock = mock(pair.value, "mocks.\(pair.key)") { common.mocks[pair.key] = mock }
    }
    if let name = node["module"], let text = session.text(name, "module", code: "test.value") {
      common.module = module(text, at: name.origin)
    }
    return common
  }

  /// A variable that nothing in the project refers to would change nothing.
  private func variables(_ node: Node, _ common: inout Common) {
    guard let node = node["variables"].flatMap({ map($0, "variables") }) else { return }
    for pair in node.pairs {
      common.setting.variables[pair.key] = scalar(pair.value, "variables.\(pair.key)")
      guard !isUsed(pair.key) else { continue }
      session.report(
        .error, "test.unknown-variable",
        "variables: nothing in the project refers to \"\(pair.key)\"", at: pair.keyOrigin,
        among: used.names, meant: pair.key)
    }
  }

  /// Also by a parameter that a test gives.
  private func isUsed(_ name: String) -> Bool {
    used.names.contains(name)
      || used.texts.contains { $0.contains("${\(name)}") || $0.contains("${\(name):-") }
  }

  private func mock(_ node: Node, _ label: String) -> RehearsalMock? {
    let form = "takes \"pass\", {drop: reason}, {error: text} or {event: {…}}"
    if node.string == "pass" { return .pass }
    guard node.isMap, let pair = node.pairs.first, node.pairs.count == 1 else {
      refuse(node, label, form)
      return nil
    }
    switch pair.key {
    case "drop": return .drop(reason: pair.value.isNull ? nil : scalar(pair.value, label))
    case "error": return scalar(pair.value, label).map(RehearsalMock.fail)
    case "event":
      guard let object = map(pair.value, label + ".event")?.json.object else { return nil }
      return .change(object)
    default:
      session.report(
        .error, "test.key", "\(label): \(form)", at: pair.keyOrigin,
        among: ["drop", "error", "event"], meant: pair.key)
      return nil
    }
  }

  // MARK: Names

  /// The name of a module, for its alias too; nil after a report.
  func module(_ name: String, at origin: Origin) -> String? {
    if let module = project.modules.first(where: { $0.name == name || $0.alias == name }) {
      return module.name
    }
    session.report(
      .error, "test.module", "no module \"\(name)\"", at: origin,
      among: project.modules.map(\.name), meant: name)
    return nil
  }

  /// A route, by its name or as `module:name`; nil after a report.
  func route(_ written: String, at origin: Origin) -> RouteAddress? {
    let found = project.modules.filter { $0.routes.contains { $0.name == written } }
    if found.count == 1 { return RouteAddress(module: found[0].name, name: written) }
    if found.count > 1 {
      let names = found.map { "\"\($0.name):\(written)\"" }.joined(separator: " or ")
      session.error(
        "test.route", "several modules have a route \"\(written)\"; write \(names)", at: origin)
      return nil
    }
    if let colon = written.firstIndex(of: ":") {
      let name = String(written[written.index(after: colon)...])
      let module = project.modules.first {
        [$0.name, $0.alias].contains(String(written[..<colon]))
      }
      if let module, module.routes.contains(where: { $0.name == name }) {
        return RouteAddress(module: module.name, name: name)
      }
    }
    session.report(
      .error, "test.route", "no route \"\(written)\"", at: origin,
      among: project.modules.flatMap { $0.routes.map(\.name) }, meant: written)
    return nil
  }

  // MARK: Values

  /// The text of a scalar; nil after a report.
  func scalar(_ node: Node, _ label: String) -> String? {
    if let text = node.scalarText { return text }
    refuse(node, label, "must be text, not \(node.kind)")
    return nil
  }

  func refuse(_ node: Node, _ label: String, _ message: String) {
    session.refuse(node, label, message, code: "test.value")
  }

  func map(_ node: Node, _ label: String) -> Node? {
    if node.isMap { return node }
    refuse(node, label, "must be a map, not \(node.kind)")
    return nil
  }

  func list(_ node: Node, _ label: String) -> [Node]? {
    if let list = node.list { return list }
    refuse(node, label, "must be a list, not \(node.kind)")
    return nil
  }

  func required(_ node: Node, _ key: String, _ owner: String) -> Node? {
    if let value = node[key], !value.isNull { return value }
    session.error("test.missing", "\(owner): \"\(key)\" is missing", at: node.origin)
    return nil
  }

  /// A key that nothing reads is an error: it would look like a check and be none.
  func checkKeys(_ node: Node, _ known: [String], _ label: String) {
    for pair in node.pairs where !known.contains(pair.key) {
      session.report(
        .error, "test.key", "\(label): unknown key \"\(pair.key)\"", at: pair.keyOrigin,
        among: known, meant: pair.key)
    }
  }

  /// A condition of config.md 6.3; nil after a report.
  func condition(_ node: Node, _ label: String) -> Condition? {
    let tried = session.trying { session.condition(node, label) }
    session.keep(
      tried.diagnostics.map { each in
        var each = each
        each.code = "test.condition"
        return each
      })
    return tried.isClean ? tried.value : nil
  }
}
