import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop add` (cli-http.md 2.1).
struct AddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a connector, transform, logger, route or module.",
    discussion: """
      Writes a file below the project and lists it in orgloop.yaml, whose comments and layout stay \
      as they are. Nothing is overwritten.
      """,
    subcommands: [
      AddConnectorCommand.self, AddTransformCommand.self, AddLoggerCommand.self,
      AddRouteCommand.self, AddModuleCommand.self,
    ])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { throw global.missingCommand(of: AddCommand.self) }
}

/// `orgloop add connector`.
struct AddConnectorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connector", abstract: "Add a source or an actor: connectors/NAME.yaml.")

  @Argument(help: "The id of the new source or actor; of a connector's name, that connector.")
  var name: String
  @Option(name: .long, help: "source or actor; what the connector can be, by default a source.")
  var type: ObjectRole?
  @Option(name: .long, help: "webhook, cron or exec; by default what the name says, else webhook.")
  var connector: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let kind = connector ?? (Scaffold.isConnector(name) ? name : "webhook")
    try Scaffold.checkConnector(kind)
    let role = type ?? .source
    guard let file = Scaffold.connector(try FileName.id(name), kind, role) else {
      throw Failure(
        .usage, .usage, "connector \(kind) cannot be \(role == .source ? "a source" : "an actor")",
        hint: "--connector names another")
    }
    try await ProjectAddition(
      global: global, files: [file], list: "connectors", entry: file.path
    ).make()
  }
}

/// What a connector is used as.
enum ObjectRole: String, ExpressibleByArgument, CaseIterable { case source, actor }

/// `orgloop add transform`.
struct AddTransformCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transform", abstract: "Add a transform: transforms/NAME.yaml.")

  @Argument(help: "Its name; of a built-in transform, that one.") var name: String
  @Option(name: .long, help: "script, or package for a built-in one.") var type: TransformType?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let usual: TransformType = Scaffold.packages.contains(name) ? .package : .script
    let files = Scaffold.transform(
      try FileName.checked(name), file: FileName.make(name), type ?? usual)
    try await ProjectAddition(
      global: global, files: files, list: "transforms", entry: files[0].path
    ).make()
  }
}

/// How a transform is made.
enum TransformType: String, ExpressibleByArgument, CaseIterable { case script, package }

/// `orgloop add logger`.
struct AddLoggerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logger", abstract: "Add a logger: loggers/NAME.yaml.")

  @Argument(help: "Its name.") var name: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let file = Scaffold.logger(try FileName.checked(name), file: FileName.make(name))
    try await ProjectAddition(global: global, files: [file], list: "loggers", entry: file.path)
      .make()
  }
}

/// `orgloop add route`.
struct AddRouteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "route", abstract: "Add a route: routes/NAME.yaml.")

  @Argument(help: "Its name.") var name: String
  @Option(name: .long, help: "Where events come from; not needed when there is one source.")
  var source: String?
  @Option(name: .long, help: "Where they go; not needed when there is one actor.")
  var actor: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let name = try FileName.checked(self.name)
    let project = try await ProjectAddition.project(global)
    let boot = project.modules.first { $0.root == project.projectRoot }
    let source = try Self.chosen(source, boot?.sources.map(\.id) ?? [], "source")
    let actor = try Self.chosen(actor, boot?.actors.map(\.id) ?? [], "actor")
    let file = Scaffold.route(name, file: FileName.make(name), source: source, actor: actor)
    try await ProjectAddition(global: global, files: [file], list: "routes", entry: file.path)
      .make()
  }

  private static func chosen(_ given: String?, _ known: [String], _ word: String) throws -> String {
    if let given { return given }
    if let only = known.first, known.count == 1 { return only }
    throw Failure(
      .usage, .usage, known.isEmpty ? "the project has no \(word)" : "say which \(word) is meant",
      hint: known.isEmpty
        ? "orgloop add connector adds one"
        : known.map { "--\(word) \($0)" }.joined(separator: ", or "))
  }
}

/// `orgloop add module`.
struct AddModuleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "module", abstract: "Add a module: modules/NAME/orgloop-module.yaml.")

  @Argument(help: "Its name.") var name: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let file = Scaffold.module(try FileName.id(name))
    try await ProjectAddition(
      global: global, files: [file], list: "modules", entry: "./modules/" + name
    ).make()
  }
}

/// Names of new objects, and of the files that they are written into.
enum FileName {
  /// Of sources, actors and modules (config.md 2).
  ///
  /// - Throws: ``Failure``, 64.
  static func id(_ name: String) throws -> String {
    guard NameRule.isID(name) else {
      throw Failure(
        .usage, .usage, "the name must be 1 to 128 letters, digits, . _ or -",
        hint: "it begins with a letter or a digit")
    }
    return name
  }

  /// Of routes, transforms and loggers.
  ///
  /// - Throws: ``Failure``, 64.
  static func checked(_ name: String) throws -> String {
    guard NameRule.isName(name), name.contains(where: { $0.isLetter || $0.isNumber }) else {
      throw Failure(
        .usage, .usage, "the name must be 1 to 128 printable characters, without blanks at its ends"
      )
    }
    return name
  }

  /// Letters, digits, `.`, `_` and `-` stay; anything else is a `-`.
  static func make(_ name: String) -> String {
    let mapped = name.map { character in
      character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
        ? character : "-"
    }
    // A hidden file would not be found.
    return String(mapped).hasPrefix(".") ? "-" + String(mapped) : String(mapped)
  }
}
