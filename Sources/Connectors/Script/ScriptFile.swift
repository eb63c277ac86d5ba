#if canImport(Glibc)
  import Glibc
#endif

/// Whether a script may be run with our rights: nobody else may have been able to write it
/// (reliability.md 4, S9).
package enum ScriptFile {
  /// The program that a script's first line names, a carriage return at the line's end included; nil
  /// when there is no such line, or the file cannot be read.
  static func interpreter(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // The kernel reads no more of the first line either.
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 2, bytes[0] == UInt8(ascii: "#"), bytes[1] == UInt8(ascii: "!") else {
      return nil
    }
    let line = bytes[2..<count].prefix { $0 != 0x0A }.drop { $0 == 0x20 || $0 == 0x09 }
    let program = line.prefix { $0 != 0x20 && $0 != 0x09 }
    return program.isEmpty ? nil : String(decoding: program, as: UTF8.self)
  }

  /// Checks owner and mode. Looked at before every run, because a file can change under a running
  /// engine.
  ///
  /// - Throws: ``ConnectorError`` `.cannotStart` when there is no such file, `.refused` when others
  ///   can write it.
  package static func check(_ path: String) throws(ConnectorError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw ConnectorError(
        .cannotStart, "the script \(path) cannot be read: " + String(cString: strerror(errno)),
        hint: "put it back; scripts are run from the disk. What has died of it can be requeued")
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
