import Engine

/// What a load asks about files: the file system answers, or the history in its place.
extension Session {
  /// 1 MiB: a larger script is told by its hash, and not kept.
  private static let keptBytesMax = 1 << 20

  func kind(of path: String) -> FileAccess.Kind? {
    if let archive, archive.isFile(path) { return .file }
    return FileAccess.kind(path)
  }

  /// The path after symbolic links; nil when it leads nowhere.
  func resolved(_ path: String) -> String? {
    if let archive, archive.isFile(path) { return archive.resolved(path) }
    let target = FileAccess.resolved(path)
    if let target, target != path { links[shown(path)] = shown(target) }
    return target
  }

  /// The names in a directory that may be missing; one that cannot be read is reported, because what
  /// stands in it would be taken for removed.
  func names(in directory: String, at origin: Origin) -> [String] {
    if let archive { return archive.names(in: directory) }
    do {
      return try FileAccess.names(in: directory)
    } catch {
      self.error(
        "file.missing", "\(shown(directory)): \(error.message); \(error.cure)", at: origin)
      return []
    }
  }

  /// Whether a name in a directory is that of a regular file; anything else is reported.
  func isFile(_ path: String, at origin: Origin) -> Bool {
    if let archive, archive.isFile(path) { return true }
    let reason: String
    switch FileAccess.presence(path) {
    case .present(.file): return true
    // It was removed since the directory was read.
    case .missing: return false
    case .present: reason = "not a regular file; rename it, or move it elsewhere"
    case .unclear(let failure): reason = "\(failure.message); \(failure.cure)"
    }
    error("file.missing", "\(shown(path)): \(reason)", at: origin)
    return false
  }

  /// SHA-256 in hex of a script; nil for one that may be run and not read: then a change of it goes
  /// unnoticed, and it still runs.
  func scriptHash(_ path: String) -> String? {
    if let archive, archive.hasCaptured(path) { return archive.captured[path] }
    guard let bytes = try? FileAccess.read(path, bytesMax: Limits.commandOutputBytesMax) else {
      return nil
    }
    let hash = ContentHash.hex(bytes)
    if bytes.count <= Session.keptBytesMax { contents[hash] = bytes }
    return hash
  }

  /// A prompt; one that is gone from the disk is what it was in the history.
  func prompt(_ path: String) throws(FileAccess.Failure) -> [UInt8] {
    let kept = archive.flatMap { archive in
      archive.captured[archive.resolved(path)].flatMap { archive.contents[$0] }
    }
    if let kept, archive?.usesCaptured ?? false { return kept }
    do {
      return try FileAccess.read(path, bytesMax: Limits.promptBytesMax)
    } catch {
      guard let kept, [.missing, .brokenLink].contains(error.reason) else { throw error }
      return kept
    }
  }

  /// What is kept of the scripts and prompts of a module.
  ///
  /// - Parameter captured: Hashes by the names of the files.
  func kept(_ captured: [String: String]) -> [CapturedFile] {
    Set(captured.values).sorted().map { CapturedFile(hash: $0, content: contents[$0]) }
  }
}
