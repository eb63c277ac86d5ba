import Store

extension Runtime {
  /// Opens the database for writing, making it when it is not there, and puts a runtime on it.
  ///
  /// Blocks while it opens and migrates; nothing may run yet.
  ///
  /// - Throws: ``EngineError`` `.locked` when another runtime holds the file, `.permission`,
  ///   `.storage`.
  package static func open(
    path: String, settings: RuntimeSettings, catalog: ConnectorCatalog,
    time: TimeSource = .system, log: LogFanout = LogFanout(),
    promptMetadata: @escaping PromptMetadata = { _ in .null }
  ) throws(EngineError) -> Runtime {
    let store: EventStore
    do throws(StoreError) {
      store = try EventStore(path: path)
    } catch {
      throw EngineError(opening: error)
    }
    return Runtime(
      store: store, settings: settings, catalog: catalog, time: time, log: log,
      promptMetadata: promptMetadata)
  }

  /// What ``forgetOperatorChanges()`` does, on a database whose runtime an operator has ended at
  /// once.
  ///
  /// - Throws: ``EngineError`` as `open`.
  package static func forgetOperatorChanges(inDatabase path: String) async throws(EngineError) {
    do throws(StoreError) {
      let store = try EventStore(path: path)
      defer { store.close() }
      try await store.forgetOperatorChanges()
    } catch {
      throw EngineError(opening: error)
    }
  }

  /// The key that this database's hashes of substituted values are made with.
  package var hashKey: [UInt8] { store.hashKey }

  /// Writes what is waiting and closes the database; blocks until that is done.
  package func close() { store.close() }

  /// The SQLite that is linked, such as `3.40.1`.
  package static var sqliteVersion: String { SQLiteVersion.text }
}

extension Inspector {
  /// Reads a database, with a runtime on it or without; nothing is written to it.
  ///
  /// The connections stay open until ``close()``.
  ///
  /// - Throws: ``EngineError`` `.permission` when the file cannot be read, `.notFound` when it
  ///   has no tables yet, `.storage`.
  package static func open(path: String) throws(EngineError) -> Inspector {
    do throws(StoreError) {
      return Inspector(try StoreReader(path: path))
    } catch {
      throw EngineError(opening: error)
    }
  }
}

extension EngineError {
  /// What it means to the whole program that the database cannot be opened or read.
  init(opening error: StoreError) {
    let code: Code =
      switch error.code {
      case .locked, .busy: .locked
      case .permission: .permission
      case .empty: .notFound
      case .exists: .conflict
      case .query: .query
      case .limit: .limit
      default: .storage
      }
    self.init(code, error.message, hint: error.hint)
  }

  /// The same for an error that a method of ``Inspector`` let through; nil for any other error.
  package init?(reading error: any Error) {
    guard let error = error as? StoreError else { return nil }
    self.init(opening: error)
  }
}
