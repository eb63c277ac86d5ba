import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop inspect` (cli-http.md 2.1).
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show one object: where it is defined, and what the database knows of it.",
    discussion: """
      The definition is that of the files, in the workspace in use; also of a module that was loaded \
      by hand. Counters are of events that were accepted within the last day and week.
      """)

  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case source, actor, route, transform, logger, module
  }

  @Argument(help: "source, actor, route, transform, logger or module.") var kind: Kind
  @Argument(help: "Its id or name.") var name: String
  @Option(name: .long, help: "Of which module; needed where several have that name.")
  var module: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let project = try await project()
    guard let merged = project.merged else {
      global.output.show(project.diagnostics)
      throw Failure(configurationOf: project)
    }
    let database = try global.databasePath()
    let inspection = Inspection(project: project, merged: merged, database: database)
    guard let kind = DescribedObject.Kind(rawValue: kind.rawValue) else {
      let found = try await inspection.module(name)
      return global.output.result(found.json, found.text)
    }
    let object = try object(kind, inspection, project)
    let found = try await inspection.object(object)
    global.output.result(found.json, found.text)
  }

  /// The project that the flags name; that of a module which was loaded by hand, where one is meant
  /// that the project does not have.
  private func project() async throws -> LoadedProject {
    let wanted = kind == .module ? name : module
    let known = try await wanted.asyncMap(loadedByHand) ?? nil
    return try await ProjectLoading.withCatalog { loading in
      var options = LoadOptions()
      options.allowMissingEnvironment = true
      options.describes = true
      let project = try loading.load(global, options: options)
      guard let known, !project.hasModule(named: wanted) else { return project }
      options.workspace = LoadOptions.Workspace(name: try global.workspaceName())
      if known.project == nil {
        options.role = .module(name: known.name, parameters: known.parameters)
      }
      return loading.load(known.project ?? known.origin, options: options)
    }
  }

  /// Nil for a module that the database does not know, or that a project brought.
  private func loadedByHand(_ name: String) async throws -> KnownModule? {
    let database = Database(path: try global.databasePath())
    guard try database.exists() else { return nil }
    do {
      let known = try await database.readModules { try await $0.module(name) }
      return known.flatMap { $0.isFromBoot ? nil : $0 }
    } catch let failure as Failure where [.notFound, .permission].contains(failure.code) {
      // Nothing was ever loaded, or who shares the runtime may not read its file.
      return nil
    }
  }

  private func object(
    _ kind: DescribedObject.Kind, _ inspection: Inspection, _ project: LoadedProject
  ) throws -> DescribedObject {
    let wanted = try module.map(inspection.moduleName)
    let all = inspection.merged.objects.filter { $0.kind == kind }
    let named = all.filter { $0.name == name && (wanted == nil || $0.module == wanted) }
    if named.count > 1, Set(named.map(\.module)).count > 1 {
      let modules = named.map(\.module).joined(separator: ", ")
      throw Failure(
        .usage, .usage, "several modules have one \(kind.rawValue) \"\(name)\" each: \(modules)",
        hint: "--module names one")
    }
    if let object = named.first { return object }
    // What could not be read may hold it.
    guard !project.hasErrors else {
      global.output.show(project.diagnostics)
      throw Failure(configurationOf: project)
    }
    let known = all.filter { wanted == nil || $0.module == wanted }.map(\.name)
    let meant = WorkspaceFiles.suggestion(for: name, among: known)
    throw Failure(
      .notFound, .failed,
      "there is no \(kind.rawValue) \"\(name)\"" + (wanted.map { " in module \($0)" } ?? "")
        + (meant.map { "; did you mean \"\($0)\"?" } ?? ""))
  }
}

extension LoadedProject {
  fileprivate func hasModule(named name: String?) -> Bool {
    modules.contains { $0.name == name || $0.alias != nil && $0.alias == name }
      || name.map(invalidModules.contains) ?? false
  }
}
