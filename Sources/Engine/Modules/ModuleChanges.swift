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
