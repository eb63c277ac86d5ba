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
    guard project.configFile != nil else { throw noProject(project, global) }
    return project
  }

  /// With the files that were looked for.
  private static func noProject(_ project: LoadedProject, _ global: GlobalOptions) -> Failure {
    global.output.show(project.diagnostics)
    return Failure(configurationOf: project)
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
      guard let config = before.configFile else {
        throw ProjectAddition.noProject(before, global)
      }
      let root = before.projectRoot
      for file in files where FileStatus.exists(root + "/" + file.path) {
        throw Failure(
          .inputOutput, .failed, "\(root)/\(file.path) exists", hint: "nothing is overwritten")
      }
      var original: OriginalFile?
      var made: [String] = []
      do {
        for file in files { made += try file.write(below: root) }
        if !isFound(try ProjectAddition.load(loading, global)) { original = try edit(config) }
        let after = try ProjectAddition.load(loading, global)
        let new = ProjectAddition.errors(of: after, beyond: before)
        guard new.isEmpty else { throw refusal(new) }
        report(
          isListed: original != nil || isFound(after), isEdited: original != nil, config, root)
      } catch {
        try restore(original, made, below: root)
        throw error
      }
    }
  }

  /// What an error is about. Its message may have a line in it, which moves with what is added.
  private struct Matter: Hashable {
    let code: String
    let file: String
    let subject: String?

    init(_ error: Diagnostic) {
      (code, file, subject) = (error.code, error.file, error.subject)
    }
  }

  /// The errors of the matters that there are more errors of than before.
  private static func errors(
    of project: LoadedProject, beyond before: LoadedProject
  ) -> [Diagnostic] {
    let known = before.diagnostics.filter { $0.level == .error }
    let messages = Set(known.map(\.message))
    let counts = Dictionary(grouping: known, by: Matter.init).mapValues(\.count)
    let found = project.diagnostics.filter { $0.level == .error }
    return Dictionary(grouping: found, by: Matter.init)
      .flatMap { matter, errors in
        let count = counts[matter] ?? 0
        guard errors.count > count else { return [Diagnostic]() }
        let new = errors.filter { !messages.contains($0.message) }
        return new.isEmpty ? errors : new
      }
      .sorted()
  }

  private func refusal(_ errors: [Diagnostic]) -> Failure {
    var failure = Failure(
      .configuration, .failed, "\(files[0].path) does not fit: \(errors[0].message)",
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
  private func edit(_ config: String) throws -> OriginalFile? {
    guard let original = try? OriginalFile(path: config),  // else there is a line to add by hand
      let changed = ListEdit(Array(original.contents))?.adding(entry, to: list)
    else { return nil }
    do {
      try original.replace(with: Data(changed))
    } catch {
      throw Failure(.inputOutput, .inputOutput, "cannot write \(config)")
    }
    return original
  }

  private func restore(_ original: OriginalFile?, _ made: [String], below root: String) throws {
    for file in files {
      // What is left is listed nowhere.
      try? FileManager.default.removeItem(atPath: root + "/" + file.path)
    }
    ProjectFiles.removeDirectories(made)
    guard let original else { return }
    do {
      try original.replace(with: original.contents)
    } catch {
      throw Failure(.inputOutput, .inputOutput, "cannot write \(original.path) as it was")
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
  /// - Returns: The directories that were made for it.
  /// - Throws: ``Failure``, 74.
  @discardableResult
  func write(below root: String) throws -> [String] {
    let file = URL(filePath: root + "/" + path)
    let made = try ProjectFiles.makeDirectory(of: file.path)
    do {
      try Data(text.utf8).write(to: file)
      try FileManager.default.setAttributes(
        [.posixPermissions: isExecutable ? 0o755 : 0o644], ofItemAtPath: file.path)
    } catch {
      ProjectFiles.removeDirectories(made)
      throw Failure(.inputOutput, .inputOutput, "cannot write \(file.path)")
    }
    return made
  }
}
