import ArgumentParser
import Engine
import Foundation
import ProjectConfiguration

/// `orgloop workspace new`.
struct WorkspaceNewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Make a workspace: its overlay, with a port of its own, and its database.",
    discussion: "What is there is kept. It is not selected: orgloop workspace select does that.")

  @Argument(help: "Its name.") var name: String
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Copy the variables of this workspace's overlay; nothing of its state.", valueName: "name"))
  var from: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try Workspaces.check(name)
    let root = try global.projectRoot()
    let workspaces = global.workspaces
    let database = Workspaces.database(of: name)
    let overlay = workspaces.overlay(of: name)
    let hasDatabase = try Database(path: database).exists()
    if let overlay, hasDatabase || from != nil {
      throw Failure(
        .inputOutput, .failed, "the workspace \"\(name)\" exists",
        hint: from == nil ? "orgloop workspace select \(name)" : "\(overlay) is not overwritten")
    }
    var created: [String] = []
    if overlay == nil {
      let path = WorkspaceFiles.newOverlay(of: name, root: root)
      try write(
        try text(root, workspaces), to: path, like: from.flatMap(workspaces.overlay(of:)))
      created.append(path)
    }
    if !hasDatabase {
      do {
        try WorkspaceDatabase.make(path: database)
      } catch {
        throw Failure(error)
      }
      created.append(database)
    }
    global.output.result(
      [
        "name": .string(name), "created": .array(created.map(JSONValue.string)),
        "db": .string(database), "overlay": JSONValue(workspaces.overlay(of: name)),
      ], (created.map { "  + \($0)" } + ["Made workspace \"\(name)\""]).joined(separator: "\n"))
    global.output.notice("orgloop workspace select \(name) switches to it")
  }

  private func text(_ root: String, _ workspaces: Workspaces) throws -> String {
    if let from {
      try Workspaces.check(from)
      try workspaces.require(from)
    }
    let stub = WorkspaceStub(root: root)
    do {
      return try stub.text(name: name, variablesOf: from)
    } catch {
      throw Failure(.configuration, .configuration, error.message)
    }
  }

  /// - Parameter original: The overlay that it was made of.
  private func write(_ text: String, to path: String, like original: String?) throws {
    try ProjectFiles.makeDirectory(of: path)
    do {
      // As the project's other files, with which it is kept; but what one of them hides stays hidden.
      let mode = try original.map(ProjectFiles.mode) ?? 0o644
      try Data(text.utf8).write(to: URL(filePath: path), options: .withoutOverwriting)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    } catch {
      throw Failure(.inputOutput, .inputOutput, "cannot write \(path)")
    }
  }
}

/// `orgloop workspace show`.
struct WorkspaceShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show the project as it is in a workspace, and what the overlay has changed.")

  @Argument(help: "Its name; the one in use without.") var name: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    var global = global
    if let name { global.workspace = name }
    let workspace = try global.workspaceName()
    let project = try await ProjectLoading.withCatalog { [global] loading in
      var options = LoadOptions()
      // What is shown holds no values, so a machine without them can show it.
      options.allowMissingEnvironment = true
      options.describes = true
      return try loading.load(global, options: options)
    }
    guard !project.hasErrors, let merged = project.merged else {
      global.output.show(project.diagnostics)
      throw Failure(configurationOf: project)
    }
    for each in project.diagnostics where each.code == "overlay.unmatched" {
      global.output.warning(each.description)
    }
    global.output.result(
      [
        "name": .string(workspace), "db": .string(try global.databasePath()),
        "overlay": JSONValue(project.overlay), "configuration": merged.json,
        "variables": merged.variables,
        "overridden": .array(project.overrides.map(\.json)),
      ], head(project, workspace) + merged.text)
  }

  private func head(_ project: LoadedProject, _ workspace: String) -> String {
    let overlay = project.overlay.map { "with \($0), whose places are marked" } ?? "without overlay"
    return "# workspace \(workspace), \(overlay)\n"
  }
}
