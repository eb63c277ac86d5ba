import Engine
import Foundation
import ProjectConfiguration

/// Puts new files into a project and lists them, so that the project is as valid as before; else it
/// is as it was.
struct ProjectAddition {
  let global: GlobalOptions
  /// Relative to the project root; none of them may exist.
  let files: [ProjectTemplate.File]
  /// The key of the project file whose list names ``entry``, unless it is found without.
  let list: String
  let entry: String

  /// The project as it stands; errors in it do not matter.
  ///
  /// - Throws: ``Failure``, 78, where there is none.
  static func project(_ global: GlobalOptions) async throws -> LoadedProject {
    let project = try await ProjectLoading.withCatalog { try load($0, global) }
    guard project.configFile != nil else { throw Failure(configurationOf: project) }
    return project
  }

  private static func load(_ loading: ProjectLoading, _ global: GlobalOptions) throws
    -> LoadedProject
  {
    var options = LoadOptions()
    options.allowMissingEnvironment = true
    return try loading.load(global, options: options)
  }

  /// - Throws: ``Failure``: 1 for what exists, or when the project would be invalid by it.
  func make() async throws {
    try await ProjectLoading.withCatalog { loading in
      let before = try ProjectAddition.load(loading, global)
      guard let config = before.configFile else { throw Failure(configurationOf: before) }
      let known = Set(before.diagnostics.filter { $0.level == .error }.map(\.message))
      let root = before.projectRoot
      for file in files where FileStatus.exists(root + "/" + file.path) {
        throw Failure(
          .conflict, .failed, "\(root)/\(file.path) exists", hint: "nothing is overwritten")
      }
      for file in files { try file.write(below: root) }
      var original: Data?
      do {
        if !isFound(try ProjectAddition.load(loading, global)) { original = try edit(config) }
        let after = try ProjectAddition.load(loading, global)
        let new = after.diagnostics.filter { $0.level == .error && !known.contains($0.message) }
        guard new.isEmpty else { throw refusal(new) }
        report(
          isListed: original != nil || isFound(after), isEdited: original != nil, config, root)
      } catch {
        try restore(config, original, below: root)
        throw error
      }
    }
  }

  private func refusal(_ errors: [Diagnostic]) -> Failure {
    var failure = Failure(
      .conflict, .failed, "\(files[0].path) does not fit: \(errors[0].message)",
      hint: "nothing was changed")
    failure.details = errors.map(\.json)
    return failure
  }

  /// Whether the project reads the new file.
  private func isFound(_ project: LoadedProject) -> Bool {
    project.files.contains { $0.path == files[0].path }
  }

  /// Lists the entry.
  ///
  /// - Returns: The file as it was; nil where it could not be edited.
  private func edit(_ config: String) throws -> Data? {
    let url = URL(filePath: config)
    guard let original = try? Data(contentsOf: url),  // then there is a line to add by hand
      let changed = ListEdit(Array(original))?.adding(entry, to: list)
    else { return nil }
    let mode = try? FileManager.default.attributesOfItem(atPath: config)[.posixPermissions]
    do {
      try Data(changed).write(to: url, options: [.atomic])
      // Written anew, it would have the mode of a new file.
      if let mode {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: config)
      }
    } catch {
      throw Failure(.inputOutput, .inputOutput, "cannot write \(config)")
    }
    return original
  }

  private func restore(_ config: String, _ original: Data?, below root: String) throws {
    for file in files {
      // What is left is listed nowhere.
      try? FileManager.default.removeItem(atPath: root + "/" + file.path)
    }
    guard let original else { return }
    do {
      try original.write(to: URL(filePath: config), options: [.atomic])
    } catch {
      throw Failure(.inputOutput, .inputOutput, "cannot write \(config) as it was")
    }
  }

  private func report(isListed: Bool, isEdited: Bool, _ config: String, _ root: String) {
    let shown = config.hasPrefix(root + "/") ? String(config.dropFirst(root.count + 1)) : config
    var json: JSONObject = [
      "created": .array(files.map { .string($0.path) }),
      "edited": .array(isEdited ? [.string(shown)] : []),
    ]
    var lines = files.map { "  + \($0.path)" } + (isEdited ? ["  ~ \(shown)"] : [])
    if !isListed {
      json["to_add"] = ["file": .string(shown), "key": .string(list), "entry": .string(entry)]
      lines += ["add to \(shown):", "\(list):", "  - \(entry)"]
    }
    global.output.result(.object(json), lines.joined(separator: "\n"))
  }
}

extension ProjectTemplate.File {
  /// - Throws: ``Failure``, 74.
  func write(below root: String) throws {
    let file = URL(filePath: root + "/" + path)
    do {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
      try FileManager.default.setAttributes(
        [.posixPermissions: isExecutable ? 0o755 : 0o644], ofItemAtPath: file.path)
    } catch {
      throw Failure(.inputOutput, .inputOutput, "cannot write \(file.path)")
    }
  }
}
