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
    guard FileStatus.exists(path) else { throw missing }
    do {
      let inspector = try Inspector.open(path: path)
      defer { inspector.close() }
      return try await body(inspector)
    } catch {
      throw Failure(error)
    }
  }

  /// As ``read(_:)``, for what the database remembers of modules.
  func readModules<Value>(_ body: (ModuleArchive) async throws -> Value) async throws -> Value {
    guard FileStatus.exists(path) else { throw missing }
    do {
      let archive = try ModuleArchive.open(path: path)
      defer { archive.close() }
      return try await body(archive)
    } catch {
      throw Failure(error)
    }
  }

  private var missing: Failure {
    Failure(
      .inputOutput, .inputOutput, "there is no database \(path)",
      hint: "orgloop start makes it; --db names another")
  }

  /// The runtime that holds or held the file; nil when there is no file, no table or no row.
  func lastRuntime() async throws -> RuntimeRecord? {
    guard FileStatus.exists(path) else { return nil }
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
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether this user is kept from writing to it, or from its directory.
  static func isForbidden(_ path: String) -> Bool { access(path, W_OK) != 0 && errno == EACCES }
}
