#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the loader asks of the file system; nothing here writes.
enum FileAccess {
  enum Kind { case file, directory, other }

  /// Why a file could not be read.
  struct Failure: Error, Equatable {
    enum Reason { case missing, brokenLink, notAFile, tooLarge, unreadable }
    let reason: Reason
    let message: String

    static let brokenLink = Failure(reason: .brokenLink, message: "the link leads nowhere")

    /// Of the system call that failed last.
    static func unreadable(_ code: Int32) -> Failure {
      Failure(reason: .unreadable, message: "cannot be read: " + String(cString: strerror(code)))
    }

    /// What to do about something that nothing names but its place.
    var cure: String {
      reason == .unreadable
        ? "give the user who runs orgloop the right to read it" : "mend it, or remove it"
    }
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

  /// What is at a path, and whether that can be told.
  enum Presence: Equatable {
    case missing
    case present(Kind)
    /// Something is named so and cannot be looked at.
    case unclear(Failure)
  }

  static func presence(_ path: String) -> Presence {
    if let kind = kind(path) { return .present(kind) }
    let reason = errno
    guard reason == ENOENT || reason == ENOTDIR else {
      return .unclear(.unreadable(reason))
    }
    return isLink(path) ? .unclear(.brokenLink) : .missing
  }

  /// A regular file, or a name of which nobody can tell that it is none: another one must not be
  /// taken in its place.
  static func mayBeFile(_ path: String) -> Bool {
    switch presence(path) {
    case .present(let kind): kind == .file
    case .unclear: true
    case .missing: false
    }
  }

  /// Whether a symbolic link has that name, wherever it leads.
  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
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
      let code = errno
      guard code == ENOENT || code == ENOTDIR else {
        throw Failure.unreadable(code)
      }
      guard !isLink(path) else { throw Failure.brokenLink }
      throw Failure(reason: .missing, message: "there is no such file")
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
        throw Failure.unreadable(errno)
      }
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= bytesMax else {
        throw Failure(
          reason: .tooLarge, message: "the file is larger than \(bytesMax >> 20) MiB")
      }
    }
  }

  /// Why the kernel will not run an executable file; nil for one that it may run, or that cannot be
  /// read. What is no text may be a program of a kind that this machine knows.
  static func beginningProblem(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = readBytes(descriptor, &buffer, buffer.count)
    guard count >= 0 else { return nil }
    let bytes = buffer[..<count]
    if bytes.isEmpty { return "is empty" }
    guard bytes.starts(with: "#!".utf8) else {
      let isText = bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F || (0x09...0x0D).contains($0) }
      return isText ? "does not begin with #! and an interpreter, such as #!/bin/sh" : nil
    }
    let line = bytes.prefix { $0 != 0x0A }
    return line.last == 0x0D ? "has a first line that ends with CR LF; save it with LF" : nil
  }

  /// The names in a directory in byte order, hidden ones left out; empty when there is none.
  ///
  /// - Throws: ``Failure`` where there may be names that cannot be told.
  static func names(in directory: String) throws(Failure) -> [String] {
    guard let stream = opendir(directory) else {
      let code = errno
      if code == ENOENT, !isLink(directory) { return [] }
      if code == ENOENT { throw Failure.brokenLink }
      if code == ENOTDIR { throw Failure(reason: .notAFile, message: "not a directory") }
      throw Failure.unreadable(code)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      // Only this tells the end from a disk that fails.
      errno = 0
      guard let entry = readdir(stream) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    guard errno == 0 else { throw Failure.unreadable(errno) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Whether a path entry is a pattern rather than a name.
  static func isGlob(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }

  /// The paths that match an absolute pattern, in byte order. `*` stops at slashes.
  ///
  /// - Parameters:
  ///   - namesLeft: How many names may be looked at; what is found when there are no more is not
  ///     all there is.
  ///   - unclear: Takes paths that may lead to more, with the reason why nobody can tell.
  static func glob(
    _ pattern: String, namesLeft: inout Int, unclear: inout [(path: String, failure: Failure)]
  ) -> [String] {
    var found = [""]
    for part in pattern.split(separator: "/") {
      var next: [String] = []
      let matcher = isGlob(String(part)) ? GlobPattern(part) : nil
      for base in found where namesLeft > 0 {
        guard let matcher else {
          namesLeft -= 1
          let path = base + "/" + part
          switch presence(path) {
          case .present: next.append(path)
          case .unclear(let failure): unclear.append((path, failure))
          case .missing:
            // What a pattern found on the way may be a link.
            if case .unclear(let failure) = presence(base) { unclear.append((base, failure)) }
          }
          continue
        }
        do {
          let names = try names(in: base.isEmpty ? "/" : base)
          namesLeft -= names.count + 1
          next += names.filter(matcher.matches).map { base + "/" + $0 }
        } catch  where error.reason == .notAFile {
          // A pattern also fits files that stand among directories.
          namesLeft -= 1
        } catch {
          namesLeft -= 1
          unclear.append((base, error))
        }
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
