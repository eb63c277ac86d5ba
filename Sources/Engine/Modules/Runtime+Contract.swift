// CONTRACT STAND-IN: replaced by the real implementation (do not edit in helper branches).
extension Runtime {
  /// Loads a module; from the path it is loaded from already, it is a reload.
  /// - Throws: ``EngineError`` `.conflict` name or alias taken from another path (names both),
  ///   `.invalid`, `.closed`, `.unavailable`.
  package func loadModule(_ order: ModuleOrder) async throws(EngineError) -> LoadReport {
    throw EngineError(.unavailable, "contract")
  }
  /// Reloads a loaded module with a new definition of the same name.
  /// - Throws: `.notFound` ("Module not found: x"), `.invalid` (old one goes on), `.closed`.
  package func reloadModule(
    _ order: ModuleOrder, onRemoved: RemovedPolicy, drainMs: Int64?
  ) async throws(EngineError) -> LoadReport { throw EngineError(.unavailable, "contract") }
  /// - Parameter drainMs: nil = runtime.shutdown_timeout.
  /// - Throws: `.notFound`, `.closed`.
  package func unloadModule(
    _ name: String, drainMs: Int64?, onRemoved: RemovedPolicy, requester: String
  ) async throws(EngineError) -> UnloadReport { throw EngineError(.unavailable, "contract") }
  /// Module statuses by name. Unloaded modules that have state are included on request, with
  /// state `removed`.
  package func moduleList(includesUnloaded: Bool) async throws -> [JSONValue] { [] }
  /// One module's status (name or alias) with `source_list [{id, connector, status, paused?,
  /// next_poll_at?, event_count, checkpoint?…}]`, `route_list [{name, sources[], actor, paused?, pending, waiting,
  /// parked}]`, `queue {pending, waiting, parked, running}`, `loaded_by`, `desired`, `paused?`.
  /// - Throws: `.notFound` "Module not found: <name>".
  package func moduleStatus(_ name: String) async throws -> JSONValue { .null }
  /// What the registry knows about a module by name or alias, loaded or not: for reload and for
  /// loading a known unloaded module again.
  package func knownModule(_ name: String) async throws -> KnownModule? { nil }
  /// Every module that should run and was loaded by hand: to be loaded again at a start.
  package func modulesToRestore() async throws -> [KnownModule] { [] }
  /// Names of boot modules that an operator has unloaded and that stay unloaded.
  package func modulesKeptUnloaded() async throws -> Set<String> { [] }
  /// Definitions of the loaded modules, for resolving references of a module loaded later.
  package var loadedDefinitions: [ModuleDefinition] { [] }
  /// Pauses; returns [{target, module, since, by, reason?, until?}] of the given targets.
  /// - Throws: `.notFound` for an unknown target, `.invalid` when several modules have it.
  package func pause(
    _ selection: PauseSelection, reason: String?, durationMs: Int64?, requester: String
  ) async throws(EngineError) -> [JSONValue] { [] }
  package func resume(
    _ selection: PauseSelection, requester: String
  ) async throws(EngineError) -> [JSONValue] { [] }
  /// An operator asked for the end of the runtime: modules loaded by hand are forgotten, boot
  /// modules unloaded by hand come back at the next start (config.md 10.1).
  package func forgetOperatorChanges() async throws(EngineError) {}
  /// Logs `operator.action` with who did it.
  package func noteOperatorAction(_ action: String, target: String?, requester: String) {}
}

/// A module as the registry remembers it.
package struct KnownModule: Sendable, Hashable {
  package var name: String
  package var alias: String?
  /// Where it came from: for modules made of files the configuration file, absolute and resolved.
  package var origin: String
  package var parameters: [String: String]
  package var isFromBoot: Bool
  /// `loading`, `active`, `unloading` or `removed`.
  package var state: String
  package var isWanted: Bool
  package var loadedBy: String

  package init(
    name: String, alias: String?, origin: String, parameters: [String: String], isFromBoot: Bool,
    state: String, isWanted: Bool, loadedBy: String
  ) {
    self.name = name
    self.alias = alias
    self.origin = origin
    self.parameters = parameters
    self.isFromBoot = isFromBoot
    self.state = state
    self.isWanted = isWanted
    self.loadedBy = loadedBy
  }
}
