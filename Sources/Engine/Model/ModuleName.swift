import Store

/// Module names as people ask for them: the alias works wherever a name is asked for, whether the
/// module is loaded or not (config.md 10.4).
extension StoreReader {
  /// The name that a name or an alias means.
  ///
  /// - Returns: Nil for nil.
  /// - Throws: ``EngineError`` `.moduleNotFound`.
  func moduleName(_ given: String?) async throws -> String? {
    guard let given else { return nil }
    let modules = try await modules()
    if modules.contains(where: { $0.name == given }) { return given }
    let aliased = modules.filter { $0.alias == given }
    // The one that holds it; else whoever had it.
    if let found = aliased.first(where: { $0.state != "removed" }) ?? aliased.first {
      return found.name
    }
    throw EngineError(
      moduleNotFound: given, among: modules.map(\.name) + modules.compactMap(\.alias))
  }

  /// A question with the name of its module.
  func resolved(_ query: EventQuery) async throws -> EventQuery {
    var query = query
    query.module = try await moduleName(query.module)
    return query
  }

  /// A question with the name of its module.
  func resolved(_ query: LetterQuery) async throws -> LetterQuery {
    var query = query
    query.events = try await resolved(query.events)
    return query
  }
}

extension EngineError {
  /// - Parameter names: Those that were probably meant.
  init(moduleNotFound name: String, among names: some Sequence<String>) {
    let meant = Suggestion.nearest(to: name, among: names).map { "did you mean \"\($0)\"? " } ?? ""
    self.init(
      .moduleNotFound, "Module not found: \(name)", hint: meant + "orgloop module list --all")
  }
}
