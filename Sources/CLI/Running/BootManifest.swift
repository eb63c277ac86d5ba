import Synchronization

/// The names of the boot project's modules as its files were last applied.
///
/// A module that an operator has unloaded stays unloaded while the manifest names it; one that the
/// manifest names anew is wanted again, whatever was done to it before.
final class BootManifest: Sendable {
  private let names = Mutex<Set<String>>([])

  /// - Returns: The names before.
  @discardableResult
  func replace(with names: [String]) -> Set<String> {
    self.names.withLock { current in
      defer { current = Set(names) }
      return current
    }
  }

  func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }
}
