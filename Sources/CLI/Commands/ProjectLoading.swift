import AsyncHTTPClient
import Connectors
import Engine
import ProjectConfiguration

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Loads the project that the flags name, with everything that is built in.
struct ProjectLoading: Sendable {
  let catalog: ConnectorCatalog

  /// Runs `body` with the catalog and ends what the catalog needed.
  ///
  /// - Parameter guardsChildren: Only a runtime starts children; everyone else only looks.
  static func withCatalog<Value: Sendable>(
    guardsChildren: Bool = false, _ body: (ProjectLoading) async throws -> Value
  ) async throws -> Value {
    let childGuard =
      guardsChildren ? try ChildGuard(executable: try Executable.path()) : nil
    defer { childGuard?.close() }
    let environment = Surroundings.environment
    let client = HTTPClients.makeForActors()
    let services = BuiltInCatalog.Services(
      environment: environment, childGuard: childGuard, httpClient: client,
      version: Program.version,
      terminal: ConsoleTerminal(isTerminal: isatty(2) == 1, environment: environment))
    let value: Value
    do {
      value = try await body(ProjectLoading(catalog: BuiltInCatalog.make(services).redacted()))
    } catch {
      // What failed before matters more than what fails while cleaning up.
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
    return value
  }

  /// The project that the flags name, in the workspace that they name.
  ///
  /// - Throws: ``Failure`` for a workspace that is not there.
  func load(
    _ global: GlobalOptions, options: LoadOptions = LoadOptions()
  ) throws -> LoadedProject {
    var options = options
    options.workspace = LoadOptions.Workspace(name: try global.workspaceName())
    return load(global.configPath, options: options)
  }

  /// Blocks while it reads. What it finds to be secret is hidden from then on.
  ///
  /// - Parameter path: A file or directory; nil for the working directory.
  func load(_ path: String?, options: LoadOptions) -> LoadedProject {
    let project = loader(options).load(path)
    Secrets.hide(project.secrets)
    return project
  }

  func loader(_ options: LoadOptions) -> ConfigurationLoader {
    ConfigurationLoader(
      catalog: catalog, environment: Surroundings.environment, home: Surroundings.home,
      workingDirectory: Surroundings.workingDirectory, options: options)
  }
}

/// The program's own file.
enum Executable {
  /// Absolute, whatever the program was called as.
  static func path() throws -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else {
      throw Failure(.runtime, .failed, "cannot find the program's own file")
    }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
