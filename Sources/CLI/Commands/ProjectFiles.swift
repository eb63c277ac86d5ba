import Foundation
import ProjectConfiguration

/// Writes files of a project: everybody who may read the project may read them, whatever is usual
/// for files of this process.
enum ProjectFiles {
  /// Makes the directory that a file is to lie in, and those above it.
  ///
  /// - Returns: What was not there before, the outermost first.
  /// - Throws: ``Failure``, 74; nothing is left of what was made.
  @discardableResult
  static func makeDirectory(of file: String) throws -> [String] {
    var missing: [String] = []
    var directory = FilePath.directory(file)
    while directory != "/", !FileStatus.exists(directory) {
      missing.insert(directory, at: 0)
      directory = FilePath.directory(directory)
    }
    var made: [String] = []
    do {
      for each in missing {
        try FileManager.default.createDirectory(
          atPath: each, withIntermediateDirectories: false)
        made.append(each)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: each)
      }
    } catch {
      removeDirectories(made)
      throw Failure(.inputOutput, .inputOutput, "cannot write \(file)")
    }
    return made
  }

  /// Removes directories that ``makeDirectory(of:)`` made, as far as nothing is in them.
  static func removeDirectories(_ made: [String]) {
    for each in made.reversed() { rmdir(each) }
  }

  static func mode(of file: String) throws -> Int {
    guard
      let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
        as? NSNumber
    else { throw CocoaError(.fileReadUnknown) }
    return mode.intValue
  }
}

/// A file that is edited, as it was before.
struct OriginalFile {
  let path: String
  let contents: Data
  private let mode: Int

  init(path: String) throws {
    self.path = path
    contents = try Data(contentsOf: URL(filePath: path))
    mode = try ProjectFiles.mode(of: path)
  }

  /// Puts other contents in its place, at once and with its mode; it is there as it was until then.
  func replace(with data: Data) throws {
    let temporary = path + ".\(ProcessInfo.processInfo.processIdentifier)~"
    do {
      try data.write(to: URL(filePath: temporary))
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: temporary)
      guard rename(temporary, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    } catch {
      unlink(temporary)
      throw error
    }
  }
}
