import Connectors
import Engine
import ProjectConfiguration

/// The history as a list, newest first; the generations of one order stand together.
struct HistoryLog: Sendable {
  let entries: [(entry: HistoryEntry, summary: GenerationSummary)]
  /// Numbers of those that run, or would at the next start.
  let current: Set<Int64>

  var json: JSONValue {
    .array(
      entries.map { entry, summary in
        [
          "generation": JSONValue(entry.number), "module": .string(entry.module),
          "applied_at": .string(ISOTime.text(ms: entry.appliedAtMs)),
          "by": .string(entry.appliedBy), "action": JSONValue(entry.action),
          "change": JSONValue(entry.change), "content_hash": .string(entry.contentHash),
          "running": .bool(current.contains(entry.number)), "ended": .bool(entry.hasEnded),
          "first": .bool(summary.isFirst), "changes": summary.json,
          "restorable": .bool(entry.reading != nil),
        ]
      })
  }

  /// One heading for each order, then a line for each module.
  func text(nowMs: Int64) -> String {
    guard !entries.isEmpty else { return "Nothing has ever run on this database." }
    var lines: [String] = []
    var change: Int64?
    for (entry, summary) in entries {
      if entry.change != change {
        change = entry.change
        let when = TimeText.relative(entry.appliedAtMs, nowMs: nowMs)
        lines.append(safe("\(entry.action ?? "applied") by \(entry.appliedBy), \(when)"))
      }
      let mark = current.contains(entry.number) ? "*" : " "
      lines.append(safe("\(mark) @\(entry.number)  \(entry.module)  \(summary.text())"))
    }
    return lines.joined(separator: "\n")
  }

  private func safe(_ text: String) -> String { SafeText.escaped(text, bytesMax: 500) }
}

/// What modules were, document by document.
struct HistoryDocuments: Sendable {
  private let moment: HistoryMoment

  init(_ moment: HistoryMoment) { self.moment = moment }

  var json: JSONValue {
    [
      "generation": JSONValue(moment.number),
      "modules": .array(
        moment.entries.map { entry in
          let content = DocumentRedaction.apply(entry.documents.value())
          return [
            "module": .string(entry.module), "generation": JSONValue(entry.number),
            "applied_at": .string(ISOTime.text(ms: entry.appliedAtMs)),
            "by": .string(entry.appliedBy), "action": JSONValue(entry.action),
            "content_hash": .string(entry.contentHash),
            "path": entry.reading?["path"] ?? .null,
            "documents": content["documents"] ?? [:], "params": content["params"] ?? [:],
            "defaults": content["defaults"] ?? [],
            "files": .object(
              JSONObject(
                entry.captured.sorted { $0.key < $1.key }
                  .map { JSONObject.Member(key: $0.key, value: .string($0.value)) })),
            "variables": .array(variables(of: entry).map(JSONValue.string)),
          ]
        }),
    ]
  }

  /// YAML, with a comment before each document.
  var text: String {
    moment.entries.map(text).joined(separator: "\n")
  }

  private func text(_ entry: HistoryEntry) -> String {
    let content = DocumentRedaction.apply(entry.documents.value())
    var parts = [
      "# module \(entry.module), generation \(entry.number), "
        + "\(entry.action ?? "applied") by \(entry.appliedBy) at "
        + ISOTime.text(ms: entry.appliedAtMs) + "\n"
    ]
    for member in content["documents"]?.object?.members ?? [] {
      parts.append("---\n# \(member.key)\n" + YAMLText.text(member.value))
    }
    if let params = content["params"]?.object, !params.isEmpty {
      parts.append("---\n# parameters\n" + YAMLText.text(.object(params)))
    }
    let variables = variables(of: entry)
    if !variables.isEmpty { parts.append("# variables: \(variables.joined(separator: ", "))\n") }
    for (file, hash) in entry.captured.sorted(by: { $0.key < $1.key }) {
      parts.append("# file \(file)  sha256:\(hash.prefix(12))\n")
    }
    return parts.map(HistoryDocuments.safe).joined()
  }

  private func variables(of entry: HistoryEntry) -> [String] {
    let content = entry.documents.value()
    return Set(
      ["variables", "inherited_variables"].flatMap { content[$0]?.object?.keys ?? [] }
    ).sorted()
  }

  /// Line by line, because what moves a terminal is escaped.
  private static func safe(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { SafeText.escaped(String($0), bytesMax: 10_000) }.joined(separator: "\n")
  }
}
