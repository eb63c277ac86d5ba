import Store

/// Which part of the log is old, for which modules: a pure value.
///
/// Modules that keep their events for the same time are looked at together, so one pass over what
/// has grown old does for all of them.
struct RetentionPlan: Sendable, Hashable {
  struct Group: Sendable, Hashable {
    /// By number.
    var modules: Set<Int64>
    /// Events accepted before this are old.
    var beforeMs: Int64
    /// Up to here everything has been looked at.
    var through: Int64
  }

  /// Those that keep their events for the shortest time first: most can go there.
  let groups: [Group]

  init(_ modules: [RetentionNeeds.Module], nowMs: Int64) {
    var byTime: [Int64: Group] = [:]
    for module in modules {
      var group =
        byTime[module.retentionMs]
        ?? Group(modules: [], beforeMs: nowMs - module.retentionMs, through: .max)
      group.modules.insert(module.key)
      group.through = min(group.through, module.prunedThrough)
      byTime[module.retentionMs] = group
    }
    groups = byTime.sorted { $0.key < $1.key }.map(\.value)
  }
}

extension RetentionPlan.Group {
  /// What a page of the log has for the group.
  struct Found: Sendable, Hashable {
    /// Old events of its modules.
    var events: [Int64] = []
    /// The last event that is old, whoever's it is.
    var through: Int64?
    /// What comes after is not old yet.
    var isEnd = false
  }

  /// - Parameter nowMs: An event from tomorrow comes from a clock that was wrong: it must not hold
  ///   up the others, and it is looked at by itself.
  func find(in page: [LoggedEvent], nowMs: Int64) -> Found {
    var found = Found()
    for event in page {
      if event.acceptedAtMs > beforeMs, event.acceptedAtMs < nowMs + RetentionTimes.lookAgainMs {
        found.isEnd = true
        break
      }
      if modules.contains(event.module) { found.events.append(event.sequence) }
      found.through = event.sequence
    }
    return found
  }
}
