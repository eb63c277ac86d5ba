import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop workspace` (cli-http.md 2.3).
struct WorkspaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workspace",
    abstract: "Work with one project in several environments.",
    discussion: """
      A workspace is a database of its own and workspaces/NAME.yaml, which is laid over the \
      project's files. It is chosen by -w, by ORGLOOP_WORKSPACE, by workspace select, in this \
      order; else it is "default".
      """,
    subcommands: [
      WorkspaceListCommand.self, WorkspaceSelectCommand.self, WorkspaceNewCommand.self,
      WorkspaceShowCommand.self, WorkspaceDeleteCommand.self,
    ])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { throw global.missingCommand(of: WorkspaceCommand.self) }
}

extension GlobalOptions {
  /// The project's directory.
  ///
  /// - Throws: ``Failure``, 78, where there is no project.
  func projectRoot() throws -> String {
    guard let root = workspaces.root else {
      throw Failure(
        .configuration, .configuration, "there is no project file \(configPath ?? "orgloop.yaml")",
        hint: "workspaces belong to a project; -c names one")
    }
    return root
  }
}

/// `orgloop workspace list`.
struct WorkspaceListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the workspaces; the one in use is marked with *.")

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let workspaces = global.workspaces
    var selected: String?
    do {
      selected = try global.workspaceName()
    } catch {
      // The list is what helps to mend it.
      global.output.warning(Failure(error).message)
    }
    let items = await WorkspaceListCommand.items(workspaces, selected: selected)
    let rows = items.map(WorkspaceListCommand.row)
    global.output.result(.array(items), Table.aligned(rows).joined(separator: "\n"))
  }

  /// Asks all at once: each that does not answer takes its time.
  private static func items(_ workspaces: Workspaces, selected: String?) async -> [JSONValue] {
    let names = workspaces.names
    return await withTaskGroup(of: (String, JSONValue).self) { group in
      for name in names {
        group.addTask { (name, await item(name, selected == name, workspaces)) }
      }
      var items: [String: JSONValue] = [:]
      for await (name, item) in group { items[name] = item }
      return names.compactMap { items[$0] }
    }
  }

  private static func item(
    _ name: String, _ isSelected: Bool, _ workspaces: Workspaces
  ) async -> JSONValue {
    let database = Workspaces.database(of: name)
    var item: JSONObject = [
      "name": .string(name), "selected": .bool(isSelected), "db": .string(database),
      "exists": .bool(FileStatus.exists(database)),
    ]
    item["overlay"] = workspaces.overlay(of: name).map(JSONValue.string)
    do {
      if let status = try await RunningRuntime.status(of: database) {
        item["running"] = true
        item["answers"] = true
        item["pid"] = status["pid"]
        item["http"] = status["http"]
      } else if let silent = try await RunningRuntime.recorded(in: database) {
        item["running"] = true
        item["answers"] = false
        item["pid"] = JSONValue(Int64(silent.process.pid))
      } else {
        item["running"] = false
      }
    } catch {
      // The others can be told all the same.
      item["running"] = .null
      item["error"] = .string(Failure(error).message)
    }
    return .object(item)
  }

  private static func row(_ item: JSONValue) -> [String] {
    let state =
      if let error = item["error"]?.string {
        error
      } else if item["answers"] == false {
        "does not answer, PID \(item["pid"]?.int64 ?? 0)"
      } else if item["running"] == true {
        "running, PID \(item["pid"]?.int64 ?? 0), \(item["http"]?.string ?? "")"
      } else {
        item["exists"] == true ? "stopped" : "no database yet"
      }
    let home = Surroundings.home + "/"
    let database = item["db"]?.string ?? ""
    return [
      (item["name"]?.string ?? "") + (item["selected"] == true ? "*" : ""),
      database.hasPrefix(home) ? "~/" + database.dropFirst(home.count) : database, state,
    ]
  }
}

/// `orgloop workspace select`.
struct WorkspaceSelectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Work in another workspace from now on; what runs goes on.")

  @Argument(help: "Its name.") var name: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try Workspaces.check(name)
    let root = try global.projectRoot()
    let workspaces = global.workspaces
    try workspaces.require(name)
    try await workspaces.select(name, root: root)
    let output = global.output
    if let other = Surroundings.variable("ORGLOOP_WORKSPACE"), other != name {
      output.warning("ORGLOOP_WORKSPACE is set and comes first: commands still work in \(other)")
    }
    output.result(
      [
        "selected": .string(name), "root": .string(root),
        "db": .string(Workspaces.database(of: name)),
      ], "Switched to workspace \"\(name)\"")
  }
}

/// `orgloop workspace delete`.
struct WorkspaceDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a workspace's database; its overlay stays.",
    discussion: "It asks first; where nobody can be asked, --yes consents.")

  @Argument(help: "Its name.") var name: String
  @Flag(name: .long, help: "Also when deliveries are not settled: they are lost.") var force = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try Workspaces.check(name)
    guard name != Workspaces.usual else {
      throw Failure(
        .usage, .failed, "the workspace \"\(name)\" cannot be deleted",
        hint: "it keeps what was selected for every project")
    }
    let workspaces = global.workspaces
    try workspaces.require(name)
    let database = Workspaces.database(of: name)
    guard try Database(path: database).exists() else {
      throw Failure(.notFound, .failed, "the workspace \"\(name)\" has no database")
    }
    try await refuseRunning(database)
    guard global.confirms("Delete \(database), with all events in it?", usual: false) else {
      throw global.refused("nothing was deleted", hint: "--yes deletes it")
    }
    let unsettled = try delete(database)
    let deselected = try await deselect(workspaces)
    let kept = workspaces.overlay(of: name)
    global.output.result(
      [
        "deleted": .string(name), "db": .string(database), "overlay": JSONValue(kept),
        "unsettled": unsettled.map { JSONValue($0) } ?? .null,
      ], "Deleted the database of workspace \"\(name)\"")
    if let kept { global.output.notice("\(kept) stays") }
    if deselected { global.output.notice("Switched to workspace \"\(Workspaces.usual)\"") }
  }

  private func refuseRunning(_ database: String) async throws {
    guard let runtime = try await RunningRuntime.find(database) else { return }
    throw Failure(
      .runtime, .failed,
      "the workspace \"\(name)\" is running, PID \(runtime.process.pid)",
      hint: "orgloop stop --all -w \(name)")
  }

  private func delete(_ database: String) throws -> Int? {
    do {
      return try WorkspaceDatabase.delete(path: database, force: force)
    } catch {
      var failure = Failure(error)
      if error.code == .conflict {
        failure.code = .delivery
        failure.hint = "orgloop start -w \(name) works on them; --force deletes them"
      }
      throw failure
    }
  }

  /// A workspace that is not there any more cannot be the selected one.
  private func deselect(_ workspaces: Workspaces) async throws -> Bool {
    guard let root = workspaces.root, !workspaces.exists(name), try workspaces.selected() == name
    else { return false }
    try await workspaces.select(Workspaces.usual, root: root)
    return true
  }
}
