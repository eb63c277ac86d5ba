/// The numbers of a module's names, and what its sources are to go on with.
package struct ModuleKeys: Sendable {
  package var module: Int64
  package var generation: Int64
  /// The generation was made by this registration.
  package var isNewGeneration = false
  package var sources: [String: SourceRow] = [:]
  package var routes: [String: Int64] = [:]
  package var lanes: [ModuleRecord.LaneName: Int64] = [:]
  package var conditions: [ModuleRecord.ConditionText: Int64] = [:]
  /// Routes whose deliveries still lie in another lane.
  package var moves: [Move] = []
  /// Of the routes and lanes; those that are closed and have no failures are left out.
  package var breakers: [BreakerRow.Scope: BreakerRow] = [:]
  /// Lanes whose actors are gone for good.
  package var gone: Set<Int64> = []
  /// ``LanePace/fullAtMs`` of lanes that have one.
  package var paces: [Int64: Double] = [:]

  package struct Move: Sendable, Hashable {
    package var route: Int64
    package var from: Int64
    package var to: Int64

    package init(route: Int64, from: Int64, to: Int64) {
      self.route = route
      self.from = from
      self.to = to
    }
  }

  package init(module: Int64, generation: Int64) {
    self.module = module
    self.generation = generation
  }

  /// Without those of other modules' actors.
  package var ownLanes: Set<Int64> { Set(lanes.filter { $0.key.module == nil }.values) }
}

/// What a source was left with.
package struct SourceRow: Sendable {
  package var key: Int64
  /// Nil for a source that never stored one, and for one whose connector is another now.
  package var checkpoint: String?
  /// As ``SourceProgress/health`` left it.
  package var health: String?
}
