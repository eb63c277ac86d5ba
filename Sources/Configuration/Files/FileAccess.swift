#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the loader asks of the file system; nothing here writes.
enum FileAccess {
  enum Kind { case file, directory, other }

  /// Why a file could not be read.
  struct Failure: Error {
    enum Reason { case missing, notAFile, tooLarge, unreadable }
    let reason: Reason
    let message: String
  }

  /// What a path leads to after symbolic links; nil when there is nothing.
  static func kind(_ path: String) -> Kind? {
    guard let mode = mode(path) else { return nil }
    return switch mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .directory
    default: .other
    }
  }

  static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode : nil
  }

  static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

  /// The path after symbolic links; nil when it leads nowhere.
  static func resolved(_ path: String) -> String? {
    guard let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
  }

  /// A whole regular file.
  ///
  /// It is opened before it is looked at, and without waiting, so that a pipe or a device in its
  /// place is refused instead of hanging the load.
  static func read(_ path: String, bytesMax: Int) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      let isMissing = errno == ENOENT || errno == ENOTDIR
      throw Failure(
        reason: isMissing ? .missing : .unreadable,
        message: isMissing ? "there is no such file" : String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(reason: .notAFile, message: "not a regular file")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = readBytes(descriptor, &buffer, buffer.count)
      guard count >= 0 else {
        throw Failure(reason: .unreadable, message: String(cString: strerror(errno)))
      }
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= bytesMax else {
        throw Failure(
          reason: .tooLarge, message: "the file is larger than \(bytesMax >> 20) MiB")
      }
    }
  }

  /// The names in a directory in byte order, hidden ones left out; empty when there is none.
  static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Whether a path entry is a pattern rather than a name.
  static func isGlob(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }

  /// The paths that match an absolute pattern, in byte order. `*` stops at slashes.
  ///
  /// - Parameter namesLeft: How many names may be looked at; what is found when there are no more
  ///   is not all there is.
  static func glob(_ pattern: String, namesLeft: inout Int) -> [String] {
    var found = [""]
    for part in pattern.split(separator: "/") {
      var next: [String] = []
      let matcher = isGlob(String(part)) ? GlobPattern(part) : nil
      for base in found where namesLeft > 0 {
        guard let matcher else {
          namesLeft -= 1
          if mode(base + "/" + part) != nil { next.append(base + "/" + part) }
          continue
        }
        let names = names(in: base.isEmpty ? "/" : base)
        namesLeft -= names.count + 1
        next += names.filter(matcher.matches).map { base + "/" + $0 }
      }
      found = next
    }
    return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Where a program is on a search path.
  static func find(_ program: String, searchPath: String?) -> String? {
    for directory in (searchPath ?? "").split(separator: ":") where directory.hasPrefix("/") {
      let path = directory + "/" + program
      if kind(path) == .file, isExecutable(path) { return path }
    }
    return nil
  }
}

/// The system call, under a name that the method above does not hide.
private func readBytes(_ descriptor: Int32, _ buffer: inout [UInt8], _ count: Int) -> Int {
  read(descriptor, &buffer, count)
}
