package import Engine

/// One thing that a workspace's overlay makes different from the project's files.
package struct Override: Sendable, Hashable {
  package enum Action: String, Sendable {
    /// A value took another's place.
    case replace
    /// A key or an object that the project does not have.
    case add
    /// A key that the project has and the workspace does not.
    case remove
  }

  /// Keys from the top, objects by their id or name: `sources.github.poll.interval`.
  package var path: String
  package var action: Action
  /// In the overlay.
  package var origin: Origin
  /// Of what was replaced or removed.
  package var replaced: Origin?
  /// With `***` for what variables brought in and for credentials; null for what was removed.
  package var shown: JSONValue

  package var json: JSONValue {
    [
      "path": .string(path), "action": .string(action.rawValue), "value": shown,
      "origin": .string("\(origin)"), "replaced": JSONValue(replaced.map { "\($0)" }),
    ]
  }
}

/// Lays one tree over another: maps key by key, everything else as a whole (config.md 11).
struct OverlayMerge {
  /// What became different, in the order of the overlay.
  private(set) var changes: [Change] = []

  struct Change {
    var path: [String]
    var action: Override.Action
    var origin: Origin
    var replaced: Origin?
    /// As written in the overlay; nil for what was removed.
    var node: Node?
  }

  /// - Parameters:
  ///   - patch: Null removes a key. What stands in it keeps its place in the overlay.
  ///   - path: Of the two, for ``changes``.
  mutating func merge(_ base: Node, _ patch: Node, at path: [String]) -> Node {
    guard base.isMap, patch.isMap else {
      let patch = patch.withoutNulls
      changes.append(
        Change(
          path: path, action: .replace, origin: patch.origin, replaced: base.origin, node: patch))
      return patch
    }
    var pairs = base.pairs
    for pair in patch.pairs {
      let place = pairs.firstIndex { $0.key == pair.key }
      merge(pair, into: &pairs, at: place, path + [pair.key])
    }
    var node = base
    node.content = .map(pairs)
    return node
  }

  private mutating func merge(
    _ pair: Node.Pair, into pairs: inout [Node.Pair], at place: Int?, _ path: [String]
  ) {
    guard let place else {
      // A key that is to be removed and is not there leaves nothing to do.
      guard !pair.value.isNull else { return }
      var pair = pair
      pair.value = pair.value.withoutNulls
      changes.append(
        Change(path: path, action: .add, origin: pair.value.origin, node: pair.value))
      return pairs.append(pair)
    }
    let old = pairs[place].value
    guard !pair.value.isNull else {
      changes.append(
        Change(path: path, action: .remove, origin: pair.value.origin, replaced: old.origin))
      pairs.remove(at: place)
      return
    }
    pairs[place].value = merge(old, pair.value, at: path)
  }

  mutating func note(_ change: Change) { changes.append(change) }
}

extension Node {
  /// A map without what it would remove if there were something to remove (RFC 7386); lists stay as
  /// they are.
  fileprivate var withoutNulls: Node {
    guard isMap else { return self }
    var node = self
    node.content = .map(
      pairs.filter { !$0.value.isNull }.map { pair in
        var pair = pair
        pair.value = pair.value.withoutNulls
        return pair
      })
    return node
  }
}
