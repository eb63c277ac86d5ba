/// What differs between two definitions of one module, object by object (config.md 10.6).
package struct ModuleChanges: Sendable, Hashable {
  /// Names of the objects of one kind.
  package struct Names: Sendable, Hashable {
    package var added: [String] = []
    package var changed: [String] = []
    package var removed: [String] = []
    package var unchanged: [String] = []

    package init() {}

    package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }
  }

  package var sources = Names()
  package var actors = Names()
  package var routes = Names()
  package var loggers = Names()

  package init() {}

  package var isEmpty: Bool {
    sources.isEmpty && actors.isEmpty && routes.isEmpty && loggers.isEmpty
  }
}

extension ModuleChanges {
  /// Compares object by object. Where something stands in the files, and what describes it for
  /// people, makes no difference.
  package init(from old: ModuleDefinition, to new: ModuleDefinition) {
    sources = Names(old.sources, new.sources, by: \.id) { $0.comparable == $1.comparable }
    actors = Names(old.actors, new.actors, by: \.id) { $0.comparable == $1.comparable }
    routes = Names(old.routes, new.routes, by: \.name) { $0.comparable == $1.comparable }
    loggers = Names(old.loggers, new.loggers, by: \.name) { $0.comparable == $1.comparable }
  }
}

extension ModuleChanges.Names {
  fileprivate init<Object>(
    _ old: [Object], _ new: [Object], by name: (Object) -> String,
    areEqual: (Object, Object) -> Bool
  ) {
    let before = Dictionary(old.map { (name($0), $0) }, uniquingKeysWith: { first, _ in first })
    for object in new {
      if let other = before[name(object)] {
        if areEqual(other, object) {
          unchanged.append(name(object))
        } else {
          changed.append(name(object))
        }
      } else {
        added.append(name(object))
      }
    }
    let names = Set(new.map(name))
    removed = old.map(name).filter { !names.contains($0) }
  }
}

extension SourceDefinition {
  fileprivate var comparable: SourceDefinition {
    var copy = self
    (copy.origin, copy.description) = (nil, nil)
    return copy
  }
}

extension ActorDefinition {
  fileprivate var comparable: ActorDefinition {
    var copy = self
    (copy.origin, copy.description) = (nil, nil)
    return copy
  }
}

extension RouteDefinition {
  fileprivate var comparable: RouteDefinition {
    var copy = self
    (copy.origin, copy.description) = (nil, nil)
    return copy
  }
}

extension LoggerDefinition {
  fileprivate var comparable: LoggerDefinition {
    var copy = self
    copy.origin = nil
    return copy
  }
}
