import Engine
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a daemon tells the process that started it how its start went: one JSON document over an
/// inherited pipe, then the end of file. Does nothing for a runtime in the foreground.
final class Readiness: Sendable {
  /// Nil when there is nobody to tell, or they have been told.
  private let descriptor: Mutex<Int32?>

  init(descriptor: Int32?) {
    self.descriptor = Mutex(descriptor)
    // Children of the runtime must not keep the pipe open.
    if let descriptor { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  }

  func succeed(_ report: StartReport) { tell(report.document) }

  func fail(_ failure: Failure) { tell(Secrets.redact(failure.json)) }

  private func tell(_ document: JSONValue) { tell(JSONText(document)) }

  /// Hands on what another process told.
  func tell(_ document: JSONText) {
    let taken = descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
    guard let taken else { return }
    var rest = document.bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(taken, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        // The starter is gone; the runtime goes on without it.
        break
      }
    }
    close(taken)
  }
}
