import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads small files without blocking the cooperative pool.
struct FileReader: Sendable {
  private let queue = DispatchQueue(label: "orgloop.files", attributes: .concurrent)

  /// The text of a regular file.
  ///
  /// Opened once with O_NONBLOCK, so that a FIFO put in its place cannot hang us, and checked by
  /// the descriptor, so that nothing can change between check and use (reliability.md 4, Y4).
  ///
  /// - Throws: ``EngineError`` when it cannot be opened, is no regular file, is larger than
  ///   `bytesMax`, or is not UTF-8.
  func readText(_ path: String, bytesMax: Int) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
      queue.async {
        continuation.resume(with: Result { try FileReader.read(path, bytesMax) })
      }
    }
  }

  private static func read(_ path: String, _ bytesMax: Int) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw EngineError(.notFound, "cannot open \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw EngineError(.invalid, "\(path) is not a regular file")
    }
    guard info.st_size <= bytesMax else {
      throw EngineError(.invalid, "\(path) is larger than \(bytesMax) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes[count...].withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if got < 0 {
        throw EngineError(
          .internalFault, "cannot read \(path): \(String(cString: strerror(errno)))")
      }
      if got == 0 { break }
      count += got
    }
    guard count <= bytesMax, let text = String(validating: bytes[..<count], as: UTF8.self) else {
      throw EngineError(.invalid, "\(path) is not UTF-8 text of at most \(bytesMax) bytes")
    }
    return text
  }
}
