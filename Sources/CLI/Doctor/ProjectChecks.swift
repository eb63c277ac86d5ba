import Connectors
import Engine
import Foundation
import ProjectConfiguration

/// What `orgloop doctor` finds out about a project without asking anybody else.
struct ProjectChecks {
  let project: LoadedProject

  // MARK: Variables

  /// One check for each variable that a value refers to; never its value.
  func credentials() -> [DoctorReport.Check] {
    var uses: [String: VariableUse] = [:]
    for use in project.variables where uses[use.name]?.source != .unset { uses[use.name] = use }
    return uses.values.sorted { $0.name < $1.name }.map { use in
      let known = KnownVariable.all[use.name]
      var check = DoctorReport.Check(
        name: use.name, detail: "from " + use.source.rawValue, description: known?.summary)
      check.helpURL = known?.helpURL
      guard use.source == .unset else { return check }
      check.status = .missing
      check.detail = "not set; used at \(use.origin)"
      check.hint = known?.helpURL ?? "set it in the environment or in .env"
      return check
    }
  }

  // MARK: Routes

  /// What is defined and not connected, each for itself; one check when there is nothing.
  func graph() -> [DoctorReport.Check] {
    let warnings = project.diagnostics.filter { $0.code.hasPrefix("graph.") }
    guard warnings.isEmpty else {
      return warnings.map { each in
        var check = DoctorReport.Check(
          name: each.subject ?? String(each.code.dropFirst("graph.".count)), detail: each.message)
        check.status = each.level == .error ? .error : .warning
        check.hint = "\(each.file):\(each.line)"
        return check
      }
    }
    let count = project.modules.reduce(0) { $0 + $1.routes.count }
    return [
      DoctorReport.Check(
        name: "routes", detail: "\(count) \(count == 1 ? "route" : "routes"), all connected")
    ]
  }

  // MARK: Programs

  /// The programs that the configuration runs, and what runs its scripts.
  func dependencies() -> [DoctorReport.Check] {
    var wanted: [String: String] = [:]
    func want(_ program: String, for user: String) {
      if wanted[program] == nil { wanted[program] = user }
    }
    for module in project.modules {
      let connectors =
        module.sources.map { ("source \($0.id)", $0.config) }
        + module.actors.map { ("actor \($0.id)", $0.config) }
      for (user, config) in connectors {
        guard let program = config["command"]?.array?.first?.string else { continue }
        want(program, for: user)
      }
      for step in module.routes.flatMap(\.transforms) {
        let user = "transform \(step.name)"
        if case .script(let path) = step.kind { want(path, for: user) }
        if step.config["jq"] != nil { want("jq", for: user) }
      }
    }
    // A script needs what its first line names.
    for (program, user) in wanted {
      if let interpreter = ProjectChecks.interpreter(of: program) { want(interpreter, for: user) }
    }
    return wanted.sorted { $0.key < $1.key }.map(check)
  }

  private func check(_ program: String, _ user: String) -> DoctorReport.Check {
    let root = project.projectRoot + "/"
    let name = program.hasPrefix(root) ? String(program.dropFirst(root.count)) : program
    var check = DoctorReport.Check(name: name, description: "for \(user)")
    if let path = ProjectChecks.found(program) {
      check.detail = path
    } else {
      check.status = .missing
      check.detail =
        program.contains("/") ? "not there, or it may not be executed" : "not on PATH"
      check.hint = "install it, or change \(user)"
    }
    return check
  }

  private static func found(_ program: String) -> String? {
    guard !program.contains("/") else {
      return FileManager.default.isExecutableFile(atPath: program) ? program : nil
    }
    return (Surroundings.variable("PATH") ?? "").split(separator: ":")
      .map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// 256: a first line is not longer (execve(2)).
  private static let lineBytesMax = 256

  /// The program after `#!`; the one that `env` is to find, rather than `env`.
  private static func interpreter(of path: String) -> String? {
    guard path.contains("/"), let file = FileHandle(forReadingAtPath: path) else { return nil }
    // Closed with the handle. A program that may be run and not read needs nothing that we know.
    guard let bytes = try? file.read(upToCount: lineBytesMax), bytes.starts(with: Array("#!".utf8))
    else { return nil }
    let line = String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline }.dropFirst(2)
    var words = line.split(separator: " ").map(String.init)
    guard let first = words.first else { return nil }
    guard first.hasSuffix("/env") else { return first }
    words.removeFirst()
    return words.first { !$0.hasPrefix("-") && !$0.contains("=") } ?? first
  }
}
