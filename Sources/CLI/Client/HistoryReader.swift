import Engine
import ProjectConfiguration

/// Reads the history for a command: from the file, read-only, whether a runtime has it or not.
struct HistoryReader {
  let global: GlobalOptions
  let history: ConfigurationHistory
  let hashKey: [UInt8]?

  static func with<Value: Sendable>(
    _ global: GlobalOptions, _ body: (HistoryReader) async throws -> Value
  ) async throws -> Value {
    try await Database(path: global.databasePath()).readModules { archive in
      try await body(
        HistoryReader(
          global: global, history: archive.history, hashKey: try await archive.hashKey()))
    }
  }

  /// - Throws: ``Failure`` for a text that names no moment.
  static func place(_ text: String) throws -> HistoryPlace {
    guard let place = HistoryPlace(text) else {
      throw Failure(
        .usage, .usage, "\(text) is no generation",
        hint: "@12 is what there was after generation 12, @ what runs, @-1 what was before")
    }
    return place
  }

  /// What there was at a moment.
  ///
  /// - Parameter module: Nil is all.
  func moment(_ place: HistoryPlace, module: String? = nil) async throws -> HistoryMoment {
    let last = try await history.last(of: place)
    let module = try await history.moduleName(module)
    let entries = try await history.modules(at: last)
    let meant = entries.filter { module == nil || $0.module == module }
    guard module == nil || !meant.isEmpty else {
      throw Failure(
        .moduleNotFound, .failed, "module \(module ?? "") was not there at \(place.text)",
        hint: "orgloop config log --module \(module ?? "")")
    }
    let number = if case .generation(let number) = place { number } else { last }
    return HistoryMoment(number: number, entries: meant)
  }

  /// The options that projects are read with to be compared with the history.
  ///
  /// - Parameter isShown: Nothing of it is to run: variables may be missing.
  func options(isShown: Bool = false) -> LoadOptions {
    var options = LoadOptions()
    if let hashKey { options.hashKey = hashKey }
    options.allowMissingEnvironment = isShown
    return options
  }

  /// Reads definitions as they were, prompts and scripts included.
  ///
  /// - Parameter project: The files now, for credentials that stand literally in them.
  func definitions(
    _ entries: [HistoryEntry], _ loading: ProjectLoading, beside project: LoadedProject?,
    options: LoadOptions
  ) async throws -> PastDefinitions {
    let contents = try await history.files(entries.flatMap(\.captured.values))
    var options = options
    options.workspace = LoadOptions.Workspace(name: try global.workspaceName())
    let read = loading.loader(options).load(
      entries, contents: contents,
      as: ArchiveOptions(usesCaptured: true, literals: project?.literals ?? [:]))
    Secrets.hide(read.secrets)
    return PastDefinitions(entries: entries, read: read)
  }
}

/// What there was at a moment of the history.
struct HistoryMoment: Sendable {
  /// The generation it is named by.
  let number: Int64
  let entries: [HistoryEntry]
}

/// Definitions from the history, under the hashes that they were stored with.
struct PastDefinitions: Sendable {
  /// By module; those that could not be read are left out.
  private(set) var modules: [String: ModuleDefinition] = [:]
  /// Variables by module that have another value now.
  let variables: [String: [String]]

  init(entries: [HistoryEntry], read: ArchivedProject) {
    let entries = Dictionary(
      entries.map { ($0.module, $0) }, uniquingKeysWith: { first, _ in first })
    variables = Dictionary(grouping: read.variables, by: \.module).mapValues { $0.map(\.name) }
    for var definition in read.modules {
      guard let entry = entries[definition.name] else { continue }
      definition.contentHash = entry.contentHash
      definition.documents = entry.documents
      modules[definition.name] = definition
    }
  }

  /// What a plan starts from, with what could be read.
  func completing(_ base: PlanBase) -> PlanBase {
    var base = base
    for index in base.modules.indices {
      let module = base.modules[index]
      guard let definition = modules[module.name], definition.contentHash == module.contentHash
      else { continue }
      base.modules[index].definition = definition
      base.modules[index].isArchived = true
      base.modules[index].variables = variables[module.name] ?? []
    }
    return base
  }
}
