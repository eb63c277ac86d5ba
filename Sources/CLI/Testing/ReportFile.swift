import Foundation

/// A report where the user wants it.
enum ReportFile {
  /// What is no regular file, such as a pipe or a link, is written through and stays what it is; a
  /// file is replaced as a whole, so that nobody reads half a report.
  ///
  /// - Throws: ``Failure``, 74.
  static func write(_ text: String, to path: String) throws {
    var status = stat()
    let isPlain = lstat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    guard isPlain else {
      return try fill(path, O_WRONLY | O_CREAT | O_TRUNC, text, shown: path)
    }
    let partial = "\(path).\(getpid()).partial"
    do {
      try fill(partial, O_WRONLY | O_CREAT | O_EXCL, text, shown: path)
      guard rename(partial, path) == 0 else { throw failure(path) }
    } catch {
      unlink(partial)
      throw error
    }
  }

  private static func fill(
    _ path: String, _ flags: Int32, _ text: String, shown: String
  ) throws {
    let descriptor = open(path, flags | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(shown) }
    defer { close(descriptor) }
    // The program's own umask is for its database; a report is for others to read.
    if flags & O_EXCL != 0 { _ = fchmod(descriptor, 0o644) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(shown) }
      rest = rest.dropFirst(count)
    }
  }

  private static func failure(_ path: String) -> Failure {
    Failure(
      .inputOutput, .inputOutput, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
