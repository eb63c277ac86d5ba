import Engine

/// How a module's documents were read: what it takes, beside them, to read them again from the
/// history (docs/plan-and-apply.md).
struct ReadingRecord {
  var path: String
  var root: String
  var projectRoot: String
  var alias: String?
  /// The project's own objects, not a module that a manifest names.
  var isProject: Bool
  /// Named as `module load` names modules; its parameters were given by hand.
  var isByHand: Bool
  /// Shown path of the overlay that was laid over the documents; nil without one.
  var overlay: String?
  /// Names of the parameters that were given.
  var given: [String]
  /// Which of the lower `defaults` there are, in the order in which they are kept.
  var lower: [String]
  /// Shown paths that symbolic links led elsewhere.
  var links: [String: String]
  /// Keyed hashes of literal credentials by place.
  var literals: [String: String]

  init(
    _ draft: ModuleDraft, projectRoot: String, overlay: String?, hasUserDefaults: Bool,
    hasBootDefaults: Bool,
    links: [String: String], literals: [String: JSONValue], key: [UInt8]
  ) {
    path = draft.file
    root = draft.root
    self.projectRoot = projectRoot
    alias = draft.alias
    isProject = draft.isBoot
    isByHand = draft.isBoot && draft.name != "default"
    self.overlay = draft.isBoot ? overlay : nil
    given = draft.given
    lower = (hasUserDefaults ? ["user"] : []) + (hasBootDefaults ? ["boot"] : [])
    self.links = links
    self.literals = Dictionary(
      uniqueKeysWithValues: literals.map { place, value in
        (place, LiteralCredentials.hash(value, at: place, key: key))
      })
  }

  /// - Returns: Nil for a record that is none.
  init?(_ json: JSONObject?) {
    guard let json, let path = json["path"]?.string, let root = json["root"]?.string,
      let projectRoot = json["project_root"]?.string
    else { return nil }
    self.path = path
    self.root = root
    self.projectRoot = projectRoot
    alias = json["alias"]?.string
    isProject = json["project"]?.bool ?? false
    isByHand = json["by_hand"]?.bool ?? false
    overlay = json["overlay"]?.string
    given = json["given"]?.array?.compactMap(\.string) ?? []
    lower = json["lower"]?.array?.compactMap(\.string) ?? []
    links = ReadingRecord.texts(json["links"])
    literals = ReadingRecord.texts(json["literals"])
  }

  var json: JSONObject {
    var object: JSONObject = [
      "path": .string(path), "root": .string(root), "project_root": .string(projectRoot),
    ]
    object["alias"] = alias.map(JSONValue.string)
    if isProject { object["project"] = true }
    if isByHand { object["by_hand"] = true }
    object["overlay"] = overlay.map(JSONValue.string)
    if !given.isEmpty { object["given"] = .array(given.map(JSONValue.string)) }
    if !lower.isEmpty { object["lower"] = .array(lower.map(JSONValue.string)) }
    if !links.isEmpty { object["links"] = ReadingRecord.json(links) }
    if !literals.isEmpty { object["literals"] = ReadingRecord.json(literals) }
    return object
  }

  private static func json(_ texts: [String: String]) -> JSONValue {
    .object(
      JSONObject(
        texts.sorted { $0.key < $1.key }
          .map { JSONObject.Member(key: $0.key, value: .string($0.value)) }))
  }

  private static func texts(_ json: JSONValue?) -> [String: String] {
    let members = json?.object?.members ?? []
    return Dictionary(
      members.compactMap { member in member.value.string.map { (member.key, $0) } },
      uniquingKeysWith: { first, _ in first })
  }
}
