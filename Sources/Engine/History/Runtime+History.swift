import Store

/// What the history records beside the generations that a registration makes.
extension Runtime {
  /// The history of this runtime's file.
  package var history: ConfigurationHistory { ConfigurationHistory(store.inspection) }

  /// Records that a module has ended.
  ///
  /// It has ended whether this can be written or not; what a crash leaves out the next start
  /// records.
  func noteEnd(of name: String, by requester: String, _ change: ChangeGroup) async {
    do throws(StoreError) {
      let first = try await store.endModules(
        [name], by: requester, action: change.action, change: change.number, nowMs: time.wallMs)
      if let first { change.note(first) }
    } catch {
      reportSystemError("the end of module \(name) cannot be recorded: \(error)")
    }
  }

  /// Records the ends of modules that ran once and are not to run now.
  func endUnwanted(by requester: String, _ change: ChangeGroup) async throws(EngineError) {
    do throws(StoreError) {
      let first = try await store.endModules(
        nil, by: requester, action: change.action, change: change.number, nowMs: time.wallMs)
      if let first { change.note(first) }
    } catch {
      throw EngineError(error)
    }
  }
}

extension ModuleOrder {
  /// As it is kept while the module runs: without what the file has now.
  var stored: ModuleOrder {
    var copy = self
    for index in copy.definition.captured.indices { copy.definition.captured[index].content = nil }
    return copy
  }

  /// The same once more, as a part of another change.
  func again(_ change: ChangeGroup) -> ModuleOrder {
    var copy = self
    copy.change = change
    return copy
  }

  /// What the history needs to read the documents again, with how the module came here; nil when
  /// the definition does not say.
  var reading: JSONText? {
    guard !definition.reading.isEmpty else { return nil }
    var object = definition.reading
    object["boot"] = .bool(isFromBoot)
    return JSONText(.object(object))
  }
}
