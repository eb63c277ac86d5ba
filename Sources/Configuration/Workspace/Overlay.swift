import Engine

/// The overlay of a workspace, laid over the documents of the boot project as they are read
/// (config.md 11).
///
/// Objects are patched wherever they are declared, so it is asked for each document; what it has
/// not patched by the end is new. It lives as long as one load.
final class Overlay {
  /// Lists whose entries are found again by their id or name.
  static let lists = ["sources", "actors", "routes", "transforms", "loggers"]

  /// Absolute.
  let file: String
  private let node: Node
  private var objects: [String: [Object]] = [:]
  /// Places in ``objects`` by list and name: a project may have thousands of routes.
  private var places: [String: [String: [Int]]] = [:]
  private var merge = OverlayMerge()

  /// An entry of one of the lists.
  private struct Object {
    /// Its id or name; nil for what has none, such as a path.
    var name: String?
    let node: Node
    var isUsed = false
  }

  /// - Parameter node: A map.
  init(file: String, _ node: Node) {
    self.file = file
    self.node = node
    for key in Overlay.lists + ["modules"] {
      objects[key] = (node[key]?.list ?? []).map {
        Object(name: $0[Overlay.identity(of: key)]?.string, node: $0)
      }
      index(key)
    }
  }

  private func index(_ list: String) {
    var found: [String: [Int]] = [:]
    for (place, object) in (objects[list] ?? []).enumerated() {
      if let name = object.name { found[name, default: []].append(place) }
    }
    places[list] = found
  }

  /// What was made different so far.
  var changes: [OverlayMerge.Change] { merge.changes }

  /// The top of the overlay, as written.
  var document: Node { node }

  /// By which key the entries of a list are told apart.
  static func identity(of list: String) -> String {
    ["sources", "actors"].contains(list) ? "id" : "name"
  }

  // MARK: Documents

  /// The project's own document with this one over it.
  func patchedTop(_ document: Node) -> Node {
    var document = document.isNull ? Node(.map([]), at: document.origin) : document
    guard document.isMap else { return document }
    for key in ["defaults", "runtime", "connectors"] + Overlay.lists + ["modules"] {
      guard let pair = node.pair(key) else { continue }
      let isObjects = Overlay.lists.contains(key) || key == "modules"
      // Entries are laid over entries; only "no list at all" concerns the list itself.
      if isObjects, !pair.value.isNull { continue }
      let patch = Node(.map([pair]), at: node.origin)
      document = merge.merge(document, patch, at: [])
    }
    if let groups = document.pair("connectors")?.value.list {
      document = document.setting("connectors", to: groups.map(patchedGroup))
    }
    return patchedGroup(document)
  }

  /// A document, or an inline group, with its objects patched.
  func patchedGroup(_ document: Node) -> Node {
    var document = document
    for key in Overlay.lists {
      guard let entries = document[key]?.list, objects[key]?.isEmpty == false else { continue }
      document = document.setting(key, to: entries.map { patched($0, in: key) })
    }
    return document
  }

  private func patched(_ entry: Node, in list: String) -> Node {
    guard entry.isMap, let name = entry[Overlay.identity(of: list)]?.string else { return entry }
    return patched(entry, named: name, in: list)
  }

  /// An object with everything over it that the overlay says of its name.
  func patched(_ entry: Node, named name: String, in list: String) -> Node {
    var entry = entry
    for place in places[list]?[name] ?? [] {
      guard let patch = objects[list]?[place].node else { continue }
      objects[list]?[place].isUsed = true
      // What it is known by is no change of it.
      let rest = patch.without([Overlay.identity(of: list)])
      entry = merge.merge(entry, rest, at: [list, name])
    }
    return entry
  }

  // MARK: Modules

  /// Finds out how entries of `modules` are called that do not say so themselves.
  func nameModules(_ name: (Node) -> String?) {
    objects["modules"] = objects["modules"]?.map { object in
      var object = object
      if object.name == nil { object.name = name(object.node) }
      return object
    }
    index("modules")
  }

  // MARK: What is new

  /// The entries of a list that have patched nothing: each is new.
  func additions(to list: String) -> [Node] {
    // What has no name although it must have one has been reported.
    let new = (objects[list] ?? []).filter { object in
      !object.isUsed && (object.name != nil || !object.node.isMap || list == "modules")
    }
    return new.map { object in
      merge.note(
        OverlayMerge.Change(
          path: [list, object.name ?? object.node.display], action: .add,
          origin: object.node.origin, node: object.node))
      return object.node
    }
  }
}

extension Node {
  /// A map with one more key; anything else as it is.
  func adding(_ pair: Pair?) -> Node {
    guard isMap, let pair else { return self }
    var node = self
    node.content = .map(pairs + [pair])
    return node
  }

  /// A map whose key holds a list now.
  func setting(_ key: String, to list: [Node]) -> Node {
    var node = self
    node.content = .map(
      pairs.map { pair in
        guard pair.key == key else { return pair }
        var pair = pair
        pair.value.content = .list(list)
        return pair
      })
    return node
  }
}
