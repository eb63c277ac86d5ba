import Engine
import Foundation
import ProjectConfiguration

/// The workspaces that a user has: overlays of one project, and databases (config.md 11).
struct Workspaces {
  /// The directory of the project file; nil without a project.
  let root: String?

  static let usual = WorkspaceFiles.usual

  /// - Parameter configPath: As the flags name the project; nil for the working directory.
  init(configPath: String?) { root = ProjectFile.resolved(configPath).map(FilePath.directory) }

  /// The database of a workspace, absolute.
  static func database(of name: String) -> String {
    let home = Surroundings.orgloopDirectory
    return name == usual ? home + "/orgloop.db" : home + "/workspaces/\(name)/orgloop.db"
  }

  func overlay(of name: String) -> String? {
    root.flatMap { WorkspaceFiles.overlay(of: name, root: $0) }
  }

  /// A workspace is there when it has an overlay or a database; the default one always is.
  ///
  /// - Parameter database: In place of its own.
  func exists(_ name: String, database: String? = nil) -> Bool {
    name == Workspaces.usual || overlay(of: name) != nil
      || FileStatus.exists(database ?? Workspaces.database(of: name))
  }

  /// The default one, then the others by name.
  var names: [String] {
    let directory = Surroundings.orgloopDirectory + "/workspaces"
    // Without the directory there are no databases.
    let databases = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    let found = databases.filter { NameRule.isID($0) && exists($0) }
    let overlays = root.map(WorkspaceFiles.names) ?? []
    return [Workspaces.usual] + Set(found + overlays).subtracting([Workspaces.usual]).sorted()
  }

  /// - Throws: ``Failure``, 64, for a name that could not be a file's.
  static func check(_ name: String) throws {
    guard NameRule.isID(name) else {
      throw Failure(
        .usage, .usage, WorkspaceFiles.nameRule, hint: "it begins with a letter or a digit")
    }
  }

  /// - Throws: ``Failure`` that names the workspace that was probably meant.
  func require(_ name: String, database: String? = nil) throws {
    guard !exists(name, database: database) else { return }
    let meant = WorkspaceFiles.suggestion(for: name, among: names)
    throw Failure(
      .notFound, .failed,
      "there is no workspace \"\(name)\"" + (meant.map { "; did you mean \"\($0)\"?" } ?? ""),
      hint: "orgloop workspace list shows them; orgloop workspace new \(name) makes it")
  }

  /// The one that was selected for the project; nil for none.
  ///
  /// - Throws: ``Failure`` when the database that knows it cannot be read and it could be another
  ///   than the default one.
  func selected() throws -> String? {
    let database = Workspaces.database(of: Workspaces.usual)
    guard let root, try Database(path: database).exists() else { return nil }
    do {
      return try WorkspaceDatabase.selection(inDatabase: database, root: root)
    } catch {
      // Where there is nothing to select, the commands that mend the database must work.
      guard names.count > 1 else { return nil }
      var failure = Failure(error)
      failure.message = "cannot tell which workspace is selected: \(failure.message)"
      failure.hint = "-w NAME names one, and the database is not asked"
      throw failure
    }
  }

  /// Remembers the workspace of the project: through the runtime that has the default database, else
  /// in its file.
  ///
  /// - Throws: ``Failure``.
  func select(_ name: String, root: String) async throws {
    let database = Workspaces.database(of: Workspaces.usual)
    try await RuntimeClient.withRuntime(of: database) { client in
      if let client {
        _ = try await client.order(
          "workspace/select", ["workspace": .string(name), "root": .string(root)])
        return
      }
      try RuntimeClient.refuseForbiddenSocket(of: database)
      do {
        let stopped = try StoppedDatabase(path: database)
        defer { stopped.close() }
        try await stopped.select(workspace: name, root: root, requester: LetterDoor.user)
      } catch {
        throw Failure(error)
      }
    }
  }
}

extension GlobalOptions {
  var workspaces: Workspaces { Workspaces(configPath: configPath) }

  /// The workspace to work in: that of the flag, of the variable, the selected one, the default one
  /// (config.md 11).
  ///
  /// - Throws: ``Failure`` for one that is not there.
  func workspaceName() throws -> String {
    let workspaces = workspaces
    let given = workspace ?? Surroundings.variable("ORGLOOP_WORKSPACE")
    if let given { try Workspaces.check(given) }
    let database = try databaseGiven()
    if let given {
      try workspaces.require(given, database: database)
      return given
    }
    guard let name = try workspaces.selected() else { return Workspaces.usual }
    // Who names a database need not have that of the workspace.
    guard database == nil else { return name }
    do {
      try workspaces.require(name)
    } catch var failure as Failure {
      failure.message = "the selected workspace is gone: \(failure.message)"
      failure.hint = "orgloop workspace select \(Workspaces.usual) goes back to that one"
      throw failure
    }
    return name
  }

  /// The database file, absolute; `--db` overrides that of the workspace and nothing else.
  func databasePath() throws -> String {
    let name = try workspaceName()
    return try databaseGiven() ?? Workspaces.database(of: name)
  }

  private func databaseGiven() throws -> String? {
    guard let path = db ?? Surroundings.variable("ORGLOOP_DB") else { return nil }
    guard !path.isEmpty else { throw Failure(.usage, .usage, "--db needs a file name") }
    let file = Surroundings.absolute(path)
    guard !file.hasSuffix("/"), !FileStatus.isDirectory(file) else {
      throw Failure(
        .inputOutput, .inputOutput, "\(path) is a directory, not a database file",
        hint: "--db names a file, such as \(path.hasSuffix("/") ? path : path + "/")orgloop.db")
    }
    return file
  }
}
