import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes files that only their owner may read, from their first byte on.
enum PrivateFile {
  /// - Parameter overwrites: What is there is replaced when the new file is complete.
  /// - Throws: ``Failure`` when it exists, or cannot be written.
  static func write(_ text: String, to path: String, overwrites: Bool) throws {
    guard overwrites else { return try create(path, text) }
    let temporary = path + ".\(getpid())~"
    try create(temporary, text)
    guard rename(temporary, path) == 0 else {
      unlink(temporary)
      throw failure(path)
    }
  }

  private static func create(_ path: String, _ text: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      guard errno == EEXIST else { throw failure(path) }
      throw Failure(.inputOutput, .failed, "\(path) exists", hint: "--yes overwrites it")
    }
    let isWritten = writeAll(Array(text.utf8), to: file)
    guard close(file) == 0, isWritten else {
      unlink(path)
      throw failure(path)
    }
  }

  private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  private static func failure(_ path: String) -> Failure {
    Failure(
      .inputOutput, .inputOutput, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}

/// The system call, under a name that the methods above do not hide.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(file, bytes, count)
}
