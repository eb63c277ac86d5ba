import Crypto
import Dispatch
import Store

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A verified copy of a database, made with a runtime on it or without (cli-http.md 2.5).
package struct DatabaseBackup: Sendable {
  /// Absolute, without symbolic links.
  package let file: String
  package let bytes: Int64
  /// Lower-case hexadecimal.
  package let sha256: String
  package let events: Int64
  package let deliveries: Int64

  /// Copies, checks and hashes; only then does the file get its name.
  ///
  /// - Parameter replacing: Whether a file of that name may be replaced.
  /// - Throws: ``EngineError`` `.conflict` when a file is in the way, `.storage` when the copy
  ///   could not be made or is not sound, `.permission`, `.locked`. Nothing is left behind then.
  package static func make(
    of database: String, to file: String, replacing: Bool
  ) async throws -> DatabaseBackup {
    // On a thread of its own: all of it is work of the disk.
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue(label: "orgloop.backup").async {
        continuation.resume(with: Result { try make(database, file, replacing) })
      }
    }
  }

  private static func make(
    _ database: String, _ file: String, _ replacing: Bool
  ) throws(EngineError) -> DatabaseBackup {
    do throws(StoreError) {
      let target = try BackupTarget(path: file, replacing: replacing, database: database)
      let copy = try DatabaseCopy(of: database, to: target)
      let sha256 = try hash(target.partialPath, bytes: copy.bytes)
      try target.publish()
      return DatabaseBackup(
        file: target.path, bytes: copy.bytes, sha256: sha256, events: copy.events,
        deliveries: copy.deliveries)
    } catch {
      throw EngineError(opening: error)
    }
  }

  /// - Throws: ``StoreError`` `.inputOutput` when it cannot be read to its end.
  private static func hash(_ path: String, bytes: Int64) throws(StoreError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var count: Int64 = 0
    while descriptor >= 0 {
      let got = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      guard got > 0 else { break }
      hash.update(data: buffer[..<got])
      count += Int64(got)
    }
    guard count == bytes else {
      throw StoreError(.inputOutput, "cannot read \(path) again: \(count) of \(bytes) bytes")
    }
    return hash.finalize().hexText
  }
}
