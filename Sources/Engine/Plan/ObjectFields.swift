/// A field that is different, under the path that it has in the files.
package struct FieldChange: Sendable, Hashable {
  package var path: String
  /// Nil where there was none; ``hidden`` for what may be secret.
  package var from: JSONValue?
  package var to: JSONValue?
  /// SHA-256 in hex of a prompt or script, which is shown as a part of it; nil for other fields.
  package var content: Content?
  /// What is different in a prompt or script, line by line; nil when that is not known.
  package var lines: [String]?

  /// The hashes of what there was and is.
  package struct Content: Sendable, Hashable {
    package var from: String?
    package var to: String?
  }

  /// The text of a prompt or script.
  package var isContent: Bool { content != nil }

  package init(
    path: String, from: JSONValue?, to: JSONValue?, content: Content? = nil
  ) {
    self.path = path
    self.from = from
    self.to = to
    self.content = content
  }

  /// What stands for a value that may not be shown.
  package static let hidden: JSONValue = "***"
}

/// An object of a definition as fields, in an order for reading.
struct ObjectFields: Equatable {
  private struct Leaf: Equatable {
    var path: String
    /// The nearest key, which a value of the documents must have too to be the same.
    let key: String
    /// What is compared; never shown where the leaf is guarded.
    let value: JSONValue
    /// What is shown if it may be.
    let shown: JSONValue
    let isGuarded: Bool
    /// What is shown is what the file says, its parameters not replaced.
    var isAsWritten = false
    var isContent = false
  }

  private var leaves: [Leaf] = []
  /// How often each path was added: one transform may be used twice, one value filtered twice.
  private var counts: [String: Int] = [:]

  /// A value of a type that holds no secret: a time, a number, a name.
  mutating func add(_ path: String, _ value: JSONValue?) {
    guard let value else { return }
    append(Leaf(path: path, key: "", value: value, shown: value, isGuarded: false))
  }

  /// A value that a user may have written anything into, leaf by leaf.
  mutating func addGuarded(_ path: String, key: String, _ value: JSONValue) {
    switch value {
    case .object(let object) where !object.isEmpty:
      for member in object.members {
        addGuarded("\(path).\(member.key)", key: member.key, member.value)
      }
    case .array(let list) where !list.isEmpty:
      for (index, each) in list.enumerated() { addGuarded("\(path).\(index)", key: key, each) }
    default:
      append(Leaf(path: path, key: key, value: value, shown: value, isGuarded: true))
    }
  }

  /// A value that is compared with its variables replaced and shown without: it is what the file
  /// says.
  mutating func addGuarded(
    _ path: String, key: String, comparing value: JSONValue, shown: JSONValue
  ) {
    append(
      Leaf(path: path, key: key, value: value, shown: shown, isGuarded: true, isAsWritten: true))
  }

  /// - Parameter hash: In hexadecimal.
  mutating func addContent(_ path: String, hash: String) {
    let text = JSONValue.string("sha256:" + hash.prefix(12))
    append(
      Leaf(
        path: path, key: "", value: .string(hash), shown: text, isGuarded: false, isContent: true))
  }

  private mutating func append(_ leaf: Leaf) {
    var leaf = leaf
    let count = counts[leaf.path, default: 0] + 1
    counts[leaf.path] = count
    if count > 1 { leaf.path += "#\(count)" }
    leaves.append(leaf)
  }

  /// What is different, in the order of the new fields; then what is gone.
  func changes(
    from old: ObjectFields, written: (old: WrittenValues, new: WrittenValues)
  ) -> [FieldChange] {
    let before = Dictionary(
      old.leaves.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [FieldChange] = []
    for leaf in leaves {
      let other = before[leaf.path]
      guard other?.value != leaf.value else { continue }
      var from = other.map { ObjectFields.shown($0, written.old) }
      var to = ObjectFields.shown(leaf, written.new)
      // What differs is in the parts that are not shown, and the same text twice tells nobody.
      if from == to { (from, to) = (FieldChange.hidden, FieldChange.hidden) }
      found.append(
        FieldChange(
          path: leaf.path, from: from, to: to,
          content: leaf.isContent
            ? .init(from: other?.value.string, to: leaf.value.string) : Optional.none))
    }
    let paths = Set(leaves.map(\.path))
    for leaf in old.leaves where !paths.contains(leaf.path) {
      found.append(
        FieldChange(
          path: leaf.path, from: ObjectFields.shown(leaf, written.old), to: nil,
          content: leaf.isContent ? .init(from: leaf.value.string) : Optional.none))
    }
    return found
  }

  private static func shown(_ leaf: Leaf, _ written: WrittenValues) -> JSONValue {
    guard leaf.isGuarded else { return leaf.shown }
    let soundsSecret = leaf.path.split(separator: ".").contains(where: WrittenValues.isTelling)
    guard !soundsSecret, written.contains(leaf.shown, key: leaf.key),
      let shown = leaf.isAsWritten ? written.filled(leaf.shown) : leaf.shown
    else { return FieldChange.hidden }
    return AddressText.hidingCredentials(in: shown)
  }
}
