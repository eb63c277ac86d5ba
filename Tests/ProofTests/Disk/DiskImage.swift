import Foundation

/// The files that a crash left, by name.
struct DiskImage: Sendable {
  var files: [String: [UInt8]]

  /// Writes the files into a directory of their own.
  func write(to directory: String) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    for (name, bytes) in files {
      try Data(bytes).write(to: URL(filePath: directory).appending(path: name))
    }
  }
}

/// A directory in memory where the system has one, because a campaign writes gigabytes; removed
/// when it is let go.
final class ProofDirectory: Sendable {
  let path: String

  init() throws {
    let memory = "/dev/shm"
    let isThere = FileManager.default.isWritableFile(atPath: memory)
    let base = isThere ? memory : NSTemporaryDirectory()
    path = "\(base)/orgloop-proof-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    // What stays behind is the system's to clean up.
    try? FileManager.default.removeItem(atPath: path)
  }
}
