import Connectors
import Engine
import ProjectConfiguration

/// What `orgloop doctor` found, as it is told.
struct DoctorReport {
  typealias Check = DatabaseChecks.Check

  private var checks: [(category: String, check: Check)] = []
  private let project: LoadedProject?

  /// - Parameter project: Nil where there is none to look at.
  init(project: LoadedProject?) {
    self.project = project
    let check =
      project.map(DoctorReport.check)
      ?? Check(
        name: "project",
        detail: "there is no project here, so only the database is checked; looked for "
          + ProjectFile.names.joined(separator: ", ") + " in " + Surroundings.workingDirectory)
    add([check], category: "config")
  }

  mutating func add(_ found: [Check], category: String) {
    checks += found.map { (category, $0) }
  }

  var isInvalid: Bool { project?.hasErrors == true }
  var isWell: Bool { checks.allSatisfy { $0.check.status == .ok } }

  func hasErrors(of name: String) -> Bool {
    checks.contains { $0.check.name == name && $0.check.status == .error }
  }

  private static func check(of project: LoadedProject) -> Check {
    var check = Check(name: "project", detail: project.totals)
    if project.hasErrors {
      check.status = .error
    } else if project.diagnostics.contains(where: { $0.level == .warning && !isElsewhere($0) }) {
      check.status = .warning
    }
    if check.status != .ok { check.hint = "orgloop validate" }
    check.rows = project.diagnostics
      .filter { $0.level == .error || $0.level == .warning && !isElsewhere($0) }.map(\.json)
    return check
  }

  /// Warnings that have a check of their own.
  private static func isElsewhere(_ each: Diagnostic) -> Bool { each.code.hasPrefix("graph.") }

  // MARK: JSON

  var json: JSONValue {
    let isBroken = checks.contains { $0.check.status == .error }
    return [
      "status": .string(isWell ? "ok" : isBroken ? "error" : "degraded"),
      "project": JSONValue(project?.name),
      "checks": .array(checks.map { DoctorReport.json($0.check, category: $0.category) }),
    ]
  }

  private static func json(_ check: Check, category: String) -> JSONValue {
    var object: JSONObject = [
      "category": .string(category), "name": .string(check.name),
      "status": .string(check.status.rawValue),
    ]
    object["detail"] = check.detail.map(JSONValue.string)
    object["description"] = check.description.map(JSONValue.string)
    object["help_url"] = check.helpURL.map(JSONValue.string)
    object["hint"] = check.hint.map(JSONValue.string)
    object["violations"] = check.violations.map { JSONValue($0) }
    if !check.rows.isEmpty { object["rows"] = .array(check.rows) }
    return .object(object)
  }

  // MARK: Text

  /// A line per check; below one that is not well what was found, and what to do.
  var text: String {
    let width = checks.map(\.check.name.count).max() ?? 0
    var lines: [String] = []
    for (_, check) in checks {
      let padding = String(repeating: " ", count: width - check.name.count)
      let tail = check.detail ?? check.description ?? ""
      lines.append("\(DoctorReport.mark(check.status)) \(check.name)\(padding)  \(safe(tail))")
      guard check.status != .ok else { continue }
      if check.detail != nil, let rule = check.description { lines.append("    \(safe(rule))") }
      lines += check.rows.map { "    " + safe(DoctorReport.line($0)) }
      if let count = check.violations, count > check.rows.count {
        lines.append("    and \(count - check.rows.count) more")
      }
      if let hint = check.hint { lines.append("    → \(safe(hint))") }
    }
    let bad = checks.count { $0.check.status != .ok }
    lines.append(
      "\(checks.count) checks, \(bad == 0 ? "all is well" : "\(bad) not well")")
    return lines.joined(separator: "\n")
  }

  private static func mark(_ status: Check.Status) -> String {
    switch status {
    case .ok: "✓"
    case .missing, .warning: "!"
    case .error: "✗"
    }
  }

  /// `delivery 65536, state dead` of a row; a diagnostic as `validate` shows it.
  private static func line(_ row: JSONValue) -> String {
    guard row["line"] == nil, let members = row.object?.members else {
      return DiagnosticText.line(row)
    }
    return members.map { member in
      let value = member.value
      return "\(member.key) \(value.string ?? value.number?.text ?? "null")"
    }.joined(separator: ", ")
  }

  private func safe(_ text: String) -> String { SafeText.escaped(text, bytesMax: 500) }
}
