import Synchronization

/// The loaded modules that did not come with the boot project, and the project file that each
/// belongs to.
///
/// Kept beside the registry because a list of hundreds must not ask the file for each of them.
final class HandLoaded: Sendable {
  private let projects = Mutex<[String: String]>([:])

  /// - Parameter project: Nil for a module of the boot project.
  func note(_ module: String, from project: String?) {
    projects.withLock { $0[module] = project }
  }

  func forget(_ module: String) { projects.withLock { $0[module] = nil } }

  /// Nil for a module of the boot project.
  func project(of module: String) -> String? { projects.withLock { $0[module] } }
}
