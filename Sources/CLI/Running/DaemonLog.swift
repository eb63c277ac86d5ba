import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `~/.orgloop/logs/daemon.log`: what a runtime in the background writes to stdout and stderr.
enum DaemonLog {
  /// 10 MB, then the file becomes `daemon.log.1` and a new one begins.
  private static let bytesMax = 10_000_000

  static var path: String { Surroundings.orgloopDirectory + "/logs/daemon.log" }

  /// Opens the file for appending, mode 0600; the caller closes the descriptor.
  ///
  /// - Throws: ``Failure`` when it cannot be made.
  static func open() throws -> Int32 {
    let directory = (path as NSString).deletingLastPathComponent
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw Failure(
        .permission, .permission, "cannot make the directory \(directory)",
        hint: "check owner and mode of \(Surroundings.home)")
    }
    var status = stat()
    if stat(path, &status) == 0, status.st_size > bytesMax { rename(path, path + ".1") }
    let descriptor = openFile()
    guard descriptor >= 0 else {
      throw Failure(
        .permission, .permission, "cannot open \(path): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  /// Begins a new file when stderr is this log and has become too large.
  ///
  /// Nothing is lost if that fails: the old file goes on growing until the next time.
  static func rotateIfLarge() {
    var own = stat()
    var named = stat()
    guard fstat(2, &own) == 0, own.st_size > bytesMax, stat(path, &named) == 0,
      own.st_ino == named.st_ino, own.st_dev == named.st_dev,
      rename(path, path + ".1") == 0
    else { return }
    let descriptor = openFile()
    guard descriptor >= 0 else { return }
    dup2(descriptor, 1)
    dup2(descriptor, 2)
    close(descriptor)
  }

  private static func openFile() -> Int32 {
    Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
  }
}
