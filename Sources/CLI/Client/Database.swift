import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The database as a command reads it when no runtime answers.
struct Database {
  let path: String

  /// - Throws: ``Failure`` when there is no such file or it cannot be read.
  func read<Value>(_ body: (Inspector) async throws -> Value) async throws -> Value {
    guard try exists() else { throw missing }
    do {
      let inspector = try Inspector.open(path: path)
      defer { inspector.close() }
      return try await body(inspector)
    } catch {
      throw Failure(error)
    }
  }

  /// As ``read(_:)``, for what the database remembers of modules.
  ///
  /// - Parameter readers: How many may read at once.
  func readModules<Value>(
    readers: Int = 1, _ body: (ModuleArchive) async throws -> Value
  ) async throws -> Value {
    guard try exists() else { throw missing }
    do {
      let archive = try ModuleArchive.open(path: path, readers: readers)
      defer { archive.close() }
      return try await body(archive)
    } catch {
      throw Failure(error)
    }
  }

  /// - Throws: ``Failure`` when this user cannot know: of what is not seen nothing can be said.
  func exists() throws -> Bool {
    if access(path, F_OK) == 0 { return true }
    let code = errno
    switch code {
    case ENOENT, ENOTDIR: return false
    case EACCES:
      throw Failure(
        .permission, .permission, "this user may not enter the directory of the database \(path)",
        hint: "who shares a runtime must be able to enter it; --db names another database")
    default:
      throw Failure(
        .inputOutput, .inputOutput,
        "cannot look for the database \(path): \(String(cString: strerror(code)))")
    }
  }

  /// - Throws: ``Failure`` when there is no such file, or this user cannot know.
  func requireFile() throws {
    guard try exists() else { throw missing }
  }

  private var missing: Failure {
    Failure(
      .inputOutput, .inputOutput, "there is no database \(path)",
      hint: "orgloop start makes it; --db names another")
  }

  /// The runtime that holds or held the file; nil when there is no file, no table or no row.
  ///
  /// - Throws: ``Failure`` when this user cannot know.
  func lastRuntime() async throws -> RuntimeRecord? {
    guard try exists() else { return nil }
    do {
      return try await read { try await $0.lastRuntime() }
    } catch let failure as Failure where failure.code == .notFound {
      // A runtime is making the database at this moment.
      return nil
    }
  }
}

/// What the file system says about a path.
enum FileStatus {
  /// False where this user cannot know as well.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether this user is kept from writing to it, or from its directory.
  static func isForbidden(_ path: String) -> Bool { access(path, W_OK) != 0 && errno == EACCES }
}
