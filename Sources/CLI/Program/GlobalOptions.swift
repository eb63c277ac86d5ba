import ArgumentParser
import Foundation

/// The flags that every command takes (cli-http.md 1.1).
struct GlobalOptions: ParsableArguments {
  @Option(
    name: [.short, .customLong("config")],
    help: ArgumentHelp("Project file or directory.", valueName: "path"))
  var config: String?

  @Option(name: [.short, .long], help: ArgumentHelp("Workspace.", valueName: "name"))
  var workspace: String?

  @Option(name: .long, help: ArgumentHelp("Database file.", valueName: "file"))
  var db: String?

  @Flag(name: .long, help: "Machine-readable output.")
  var json = false

  @Flag(name: .long, help: "Errors only.")
  var quiet = false

  @Flag(name: [.short, .long], help: "More detail on stderr.")
  var verbose = false

  @Flag(name: .long, help: "No colours.")
  var noColor = false

  @Flag(name: .long, help: "Never ask.")
  var noInteractive = false

  @Flag(name: [.short, .long], help: "Answer yes.")
  var yes = false

  /// An unset variable of a shell, `-c "$PROJECT"`, must not load whatever lies in the working
  /// directory.
  func validate() throws {
    guard config?.isEmpty ?? false else { return }
    throw ValidationError("-c, --config needs a path, and got an empty one")
  }

  var output: Output {
    Output(isJSON: json, isQuiet: quiet, allowsColour: !noColor)
  }

  /// Whether somebody sits at a terminal who may be asked.
  var canAsk: Bool {
    isatty(0) == 1 && isatty(2) == 1 && !noInteractive && !yes && !json && !quiet
  }

  /// - Parameter usual: What an empty answer means.
  /// - Returns: What is usual when nobody can be asked, unless `--yes` has said it.
  func confirms(_ question: String, usual: Bool) -> Bool {
    guard canAsk else { return yes || usual }
    output.write("\(question) [\(usual ? "Y/n" : "y/N")]: ", to: .standardError)
    // The end of the input is no consent.
    guard let line = readLine()?.lowercased() else { return false }
    return line.isEmpty ? usual : ["y", "yes"].contains(line)
  }

  /// Why nothing was done without consent.
  ///
  /// - Parameter hint: What `--yes` does.
  func refused(_ message: String, hint: String) -> Failure {
    // Nobody said no where nobody could be asked: the call lacks something then.
    canAsk
      ? Failure(.usage, .failed, message)
      : Failure(.usage, .usage, message + ": there is nobody to ask", hint: hint)
  }

  /// The project file or directory to load; nil for the working directory.
  var configPath: String? { config ?? Surroundings.variable("ORGLOOP_CONFIG") }
}

/// What a command sees of the process around it.
enum Surroundings {
  static var environment: [String: String] { ProcessInfo.processInfo.environment }
  static var home: String { variable("HOME") ?? NSHomeDirectory() }
  static var workingDirectory: String { FileManager.default.currentDirectoryPath }
  static var orgloopDirectory: String { home + "/.orgloop" }

  /// A variable's value; nil when it is unset or empty.
  static func variable(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// A leading `~/` is the home, where no shell has put it in.
  static func expandingHome(_ path: String) -> String {
    path.hasPrefix("~/") ? home + path.dropFirst() : path
  }

  static func absolute(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    var rest = path[...]
    while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
    return rest == "." || rest.isEmpty ? workingDirectory : workingDirectory + "/" + rest
  }
}
