/// What a generation changed, object by object, as far as its documents tell: a pure value.
package struct GenerationSummary: Sendable, Hashable {
  package struct Change: Sendable, Hashable {
    package var action: ModulePlan.Action
    /// `source`, `route`, `file`, `variable`, `parameter`, `defaults`, ….
    package var kind: String
    package var name: String
  }

  package private(set) var changes: [Change] = []
  /// The first configuration of its module, or the first after its end.
  package let isFirst: Bool
  package let isEnd: Bool

  private static let kinds = ["sources", "actors", "routes", "transforms", "loggers"]

  /// - Parameter before: The entry of the same module before it; nil where there is none.
  package init(_ entry: HistoryEntry, after before: HistoryEntry?) {
    isEnd = entry.hasEnded
    isFirst = !entry.hasEnded && before?.hasEnded ?? true
    guard !isEnd, let before, !before.hasEnded else { return }
    let (old, new) = (before.documents.value(), entry.documents.value())
    for kind in GenerationSummary.kinds {
      compare(
        GenerationSummary.objects(kind, in: old), GenerationSummary.objects(kind, in: new),
        as: String(kind.dropLast()))
    }
    compare(
      GenerationSummary.settings(of: old), GenerationSummary.settings(of: new), as: "setting")
    compare(old["params"], new["params"], as: "parameter")
    compare(old["captured"], new["captured"], as: "file")
    compare(old["variables"], new["variables"], as: "variable")
    compare(old["inherited_variables"], new["inherited_variables"], as: "variable")
    if old["defaults"] != new["defaults"] {
      changes.append(Change(action: .change, kind: "defaults", name: "that lie below its own"))
    }
    if before.reading?["literals"] != entry.reading?["literals"] {
      changes.append(Change(action: .change, kind: "credential", name: "written in a file"))
    }
    // Objects that lie in other files than before.
    guard changes.isEmpty else { return }
    let names = (GenerationSummary.names(of: old), GenerationSummary.names(of: new))
    compare(names.0, names.1, as: "document")
  }

  /// `~ route pager, + actor phone`, at most so many.
  package func text(max: Int = 6) -> String {
    if isEnd { return "ended" }
    if isFirst { return "first" }
    guard !changes.isEmpty else { return "the same content" }
    let signs: [ModulePlan.Action: String] = [.add: "+", .remove: "-"]
    let words = changes.prefix(max).map { "\(signs[$0.action] ?? "~") \($0.kind) \($0.name)" }
    let more = changes.count > max ? ", \(changes.count - max) more" : ""
    return words.joined(separator: ", ") + more
  }

  package var json: JSONValue {
    .array(
      changes.map { change in
        [
          "action": .string(change.action.rawValue), "kind": .string(change.kind),
          "name": .string(change.name),
        ]
      })
  }

  private mutating func compare(_ old: JSONValue?, _ new: JSONValue?, as kind: String) {
    compare(old?.object?.members ?? [], new?.object?.members ?? [], as: kind)
  }

  private mutating func compare(
    _ old: [JSONObject.Member], _ new: [JSONObject.Member], as kind: String
  ) {
    // A name may stand in several files: an overlay patches what another file has.
    let before = Dictionary(grouping: old, by: \.key).mapValues { $0.map(\.value) }
    let after = Dictionary(grouping: new, by: \.key).mapValues { $0.map(\.value) }
    var told: Set<String> = []
    for name in (new + old).map(\.key) where told.insert(name).inserted {
      let action: ModulePlan.Action =
        before[name] == nil ? .add : after[name] == nil ? .remove : .change
      guard before[name] != after[name] else { continue }
      changes.append(Change(action: action, kind: kind, name: name))
    }
  }

  private static func names(of content: JSONValue) -> [JSONObject.Member] {
    (content["documents"]?.object?.members ?? []).map {
      JSONObject.Member(key: $0.key, value: .null)
    }
  }

  /// The objects of one kind from all files, by id or name; those of inline groups too.
  private static func objects(_ kind: String, in content: JSONValue) -> [JSONObject.Member] {
    let files = content["documents"]?.object?.members.map(\.value) ?? []
    let groups = files + files.flatMap { $0["connectors"]?.array ?? [] }
    return groups.flatMap { $0[kind]?.array ?? [] }.compactMap { object in
      let name = object["id"] ?? object["name"]
      return name.map { name in
        JSONObject.Member(key: name.string ?? JSONText(name).description, value: object)
      }
    }
  }

  /// What stands in files beside objects, by key.
  private static func settings(of content: JSONValue) -> [JSONObject.Member] {
    let files = content["documents"]?.object?.members.map(\.value) ?? []
    return files.flatMap { $0.object?.members ?? [] }.filter { member in
      !kinds.contains(member.key) && !["connectors", "apiVersion", "kind"].contains(member.key)
    }
  }
}
