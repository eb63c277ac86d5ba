#if canImport(Glibc)
  import Glibc
#endif

/// Whether a script may be run with our rights: nobody else may have been able to write it
/// (reliability.md 4, S9).
package enum ScriptFile {
  /// Checks owner and mode. Looked at before every run, because a file can change under a running
  /// engine.
  ///
  /// - Throws: ``ConnectorError`` `.cannotStart` when there is no such file, `.refused` when others
  ///   can write it.
  package static func check(_ path: String) throws(ConnectorError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw ConnectorError(
        .cannotStart, "the script \(path) cannot be read: " + String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ConnectorError(.cannotStart, "the script \(path) is not a regular file")
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw ConnectorError(
        .refused, "the script \(path) belongs to another user and is not run",
        hint: "chown it to the user of the service")
    }
    guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
      throw ConnectorError(
        .refused, "the script \(path) can be written by others and is not run",
        hint: "chmod go-w \(path)")
    }
  }
}
