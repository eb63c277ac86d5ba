import CPlatform
import Dispatch
import Engine
import ProjectConfiguration

/// Reads the files of modules for a running runtime: in its process, so with its own environment
/// whoever asks (config.md 3.1).
///
/// One load at a time, on a thread of its own: reading blocks.
final class ModuleFiles: Sendable {
  /// The configuration file that the runtime was started with, resolved.
  let bootFile: String
  let catalog: ConnectorCatalog
  /// The one that the runtime was started in, whatever is selected later.
  private let workspace: String
  private let loading: ProjectLoading
  private let hashKey: [UInt8]
  private let queue = DispatchQueue(label: "orgloop.module-files")

  /// - Parameter hashKey: The database's own.
  init(_ loading: ProjectLoading, bootFile: String, workspace: String, hashKey: [UInt8]) {
    self.loading = loading
    self.workspace = workspace
    self.bootFile = bootFile
    self.hashKey = hashKey
    catalog = loading.catalog
  }

  /// Of the project that the runtime was started with, symbolic links resolved.
  var bootDirectory: String { FilePath.directory(bootFile) }

  /// Reads what an origin names.
  ///
  /// - Parameter running: The modules that references may lead to.
  func project(_ origin: ModuleOrigin, beside running: [ModuleDefinition]) async -> LoadedProject {
    await reading { files in
      // The trees of a large project are many times what is left of them, and malloc keeps them.
      defer { orgloop_give_memory_back() }
      var options = LoadOptions()
      options.isForRuntime = true
      options.hashKey = files.hashKey
      options.neighbours = running.map { Neighbour(definition: $0, isBoot: $0.name == "default") }
      options.workspace = LoadOptions.Workspace(
        name: files.workspace, variablesRoot: files.bootDirectory)
      switch origin {
      case .boot:
        return files.loading.load(files.bootFile, options: options)
      case .file(let path, let name, let parameters):
        options.role = .module(name: name, parameters: parameters)
        return files.loading.load(path, options: options)
      }
    }
  }

  /// Reads modules from the history, with the variables that this process has now.
  ///
  /// - Parameters:
  ///   - contents: Scripts and prompts by their hashes.
  ///   - literals: What stands literally in the files now.
  func archived(
    _ entries: [HistoryEntry], contents: [String: [UInt8]],
    literals: [String: [String: JSONValue]], beside running: [ModuleDefinition]
  ) async -> ArchivedProject {
    await reading { files in
      var options = LoadOptions()
      options.isForRuntime = true
      options.hashKey = files.hashKey
      options.neighbours = running.map { Neighbour(definition: $0, isBoot: false) }
      options.workspace = LoadOptions.Workspace(
        name: files.workspace, variablesRoot: files.bootDirectory)
      let project = files.loading.loader(options).load(
        entries, contents: contents,
        as: ArchiveOptions(usesCaptured: false, literals: literals))
      Secrets.hide(project.secrets)
      return project
    }
  }

  /// The file of a package or a path, looked up from the boot project's directory; nil when there
  /// is none.
  func locate(_ package: String) async -> String? {
    await reading { files in
      files.loading.loader(LoadOptions()).locate(package: package, root: files.bootDirectory)
    }
  }

  /// The project file that a path means; the path itself when there is none.
  func resolved(_ path: String) async -> String {
    await reading { _ in ProjectFile.resolved(path) ?? path }
  }

  private func reading<Value: Sendable>(
    _ body: @escaping @Sendable (ModuleFiles) -> Value
  ) async -> Value {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: body(self)) }
    }
  }
}

/// Where the definition of a module is read from.
enum ModuleOrigin: Sendable, Hashable {
  /// The project that the runtime was started with.
  case boot
  /// Files that somebody loaded by hand.
  case file(path: String, name: String?, parameters: [String: String])

  /// What the registry remembers, read back.
  init(_ known: KnownModule) {
    if known.isFromBoot {
      self = .boot
    } else if let project = known.project {
      self = .file(path: project, name: nil, parameters: [:])
    } else {
      self = .file(path: known.origin, name: known.name, parameters: known.parameters)
    }
  }

  /// An order to load a module that was read from here. One that a manifest names is read there
  /// again, because the values of its parameters stand there.
  func order(
    _ definition: ModuleDefinition, of project: LoadedProject, requester: String,
    as change: ChangeGroup
  ) -> ModuleOrder {
    guard case .file(_, _, let parameters) = self else {
      return ModuleOrder(definition, isFromBoot: true, requester: requester, change: change)
    }
    let manifest = project.configFile.flatMap { $0 == definition.path ? nil : $0 }
    return ModuleOrder(
      definition, parameters: manifest == nil ? parameters : [:], project: manifest,
      isFromBoot: false, requester: requester, change: change)
  }
}
