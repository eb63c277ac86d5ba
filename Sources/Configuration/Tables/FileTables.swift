import Engine

/// The kinds of files, and what only stands at their top (config.md 5, 10, 11).
extension Tables {
  /// Of a file that is a module, whose name is its identity (config.md 10.4).
  static let moduleMetadata = ConfigTable(
    "metadata", "What the module is.",
    [
      ConfigField("name", .id(reserved: []), "The name of the project or module."),
      description, labels,
    ])

  static let groupMetadata = ConfigTable(
    "group_metadata", "What the file is.",
    [ConfigField("name", .string, "For people; shown, never read."), description, labels])

  /// A value that a module takes (config.md 10.3).
  static let parameter = ConfigTable(
    "parameter", "A value that a module takes.",
    [
      ConfigField(
        "type", .choice(["string", "number", "boolean", "source", "actor"]), default: "string",
        "source and actor are ids, which may be the boot project's."),
      ConfigField("required", .boolean, default: false, "There must be a value."),
      ConfigField("default", .any, "The value when none is given."),
      ConfigField("enum", .list(.any), "The values that are allowed."),
      description,
    ])

  /// An entry of a boot manifest (config.md 10.1).
  static let moduleEntry = ConfigTable(
    "module_entry", "A module of the project.", requiresOne: ["package", "path"],
    [
      ConfigField("package", .string, "A path (./x, ../x, /x, ~/x), or a name below modules/."),
      ConfigField("path", .string, "The same as package."),
      ConfigField(
        "name", .id(reserved: ["default"]), "Another name, so that a package can be used twice."),
      ConfigField("params", .map(.any), "Values for the module's parameters."),
      enabled("false leaves the module out."),
    ])

  static func metadata(of kind: FileKind) -> ConfigTable {
    kind == .project || kind == .module ? moduleMetadata : groupMetadata
  }

  private static func header(_ kind: FileKind) -> [ConfigField] {
    [
      ConfigField("apiVersion", .constant(FileKind.apiVersion), "The version of this format."),
      ConfigField("kind", .constant(kind.rawValue), "What the file holds."),
      ConfigField("metadata", .table(metadata(of: kind)), "What the file is."),
    ]
  }

  private static func objects(_ table: ConfigTable) -> ConfigType {
    .list(.either([.path, .table(table)]))
  }

  private static let group = ConfigTable(
    "group", "Sources and actors.",
    header(.connectorGroup) + [
      ConfigField("sources", .list(.table(source)), "Where events come from."),
      ConfigField("actors", .list(.table(actor)), "Where events go."),
    ])

  /// What a project and a module have in common.
  private static let content = [
    ConfigField("defaults", .table(defaults), "What holds where an object says nothing."),
    ConfigField("connectors", objects(group), "Groups of sources and actors, or paths of files."),
    ConfigField("sources", objects(source), "Sources, or paths of ConnectorGroup files."),
    ConfigField("actors", objects(actor), "Actors, or paths of ConnectorGroup files."),
    ConfigField(
      "routes", objects(route), "Routes, or paths of RouteGroup files; routes/ is found."),
    ConfigField("transforms", objects(transform), "Transforms, or paths of TransformGroup files."),
    ConfigField("loggers", objects(logger), "Loggers, or paths of LoggerGroup files."),
  ]

  static func file(_ kind: FileKind) -> ConfigTable {
    switch kind {
    case .project: project
    case .module: module
    case .connectorGroup: connectorGroup
    case .routeGroup: routeGroup
    case .transformGroup: transformGroup
    case .loggerGroup: loggerGroup
    case .workspace: workspace
    }
  }

  private static let project = ConfigTable(
    "project", "orgloop.yaml: a project, a boot manifest, or both.",
    header(.project) + content + [
      ConfigField(
        "modules", .list(.either([.string, .table(moduleEntry)])),
        "Modules to load, or their paths."),
      ConfigField("runtime", .table(runtime), "The process; read once, at the start."),
    ])

  private static let module = ConfigTable(
    "module", "orgloop-module.yaml: a bundle with parameters.",
    header(.module) + [
      ConfigField("params", .map(.table(parameter)), "The values that the module takes.")
    ] + content)

  private static let connectorGroup = ConfigTable(
    "connector_group", "A file of sources and actors.", group.fields)

  private static let routeGroup = ConfigTable(
    "route_group", "A file of routes.",
    header(.routeGroup) + [ConfigField("routes", .list(.table(route)), "The routes.")])

  private static let transformGroup = ConfigTable(
    "transform_group", "A file of transforms.",
    header(.transformGroup) + [
      ConfigField("transforms", .list(.table(transform)), "The transforms.")
    ])

  private static let loggerGroup = ConfigTable(
    "logger_group", "A file of loggers.",
    header(.loggerGroup) + [ConfigField("loggers", .list(.table(logger)), "The loggers.")])

  /// The lists patch what the project has by id or name, so nothing else is required in them, and
  /// null takes a key away (config.md 11).
  private static let workspace = ConfigTable(
    "workspace", "workspaces/<name>.yaml: what is different in one workspace.",
    header(.workspace) + [
      ConfigField("variables", .map(.any), "Variables, above those of the environment."),
      ConfigField("defaults", .table(patch(defaults)), "Laid over the project's."),
      ConfigField("runtime", .table(patch(runtime)), "Laid over the project's."),
      ConfigField("connectors", objects(group), "Groups in place of the project's list."),
      ConfigField("sources", .list(.table(patch(source, by: "id"))), "Sources, changed or new."),
      ConfigField("actors", .list(.table(patch(actor, by: "id"))), "Actors, changed or new."),
      ConfigField("routes", .list(.table(patch(route, by: "name"))), "Routes, changed or new."),
      ConfigField(
        "transforms", .list(.table(patch(transform, by: "name"))), "Transforms, changed or new."),
      ConfigField("loggers", .list(.table(patch(logger, by: "name"))), "Loggers, changed or new."),
      ConfigField("modules", .list(.table(patch(moduleEntry))), "Modules, by their names."),
    ])

  /// The table of what an overlay says of such a map.
  static func patch(_ table: ConfigTable, by key: String? = nil) -> ConfigTable {
    var patch = table
    patch.name = "patch_" + table.name
    patch.requiresOne = []
    patch.rules = []
    patch.fields = table.fields.map { field in
      var field = field
      field.isRequired = field.name == key
      field.type = patched(field.type)
      return field
    }
    return patch
  }

  private static func patched(_ type: ConfigType) -> ConfigType {
    switch type {
    case .table(let table): .table(patch(table))
    case .either(let types): .either(types.map(patched))
    // Of a patch alone it cannot be said what it patches.
    case .config: .map(.any)
    default: type
    }
  }
}
