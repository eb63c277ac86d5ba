import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop config diff`.
struct ConfigDiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two configurations field by field, prompts and scripts line by line.",
    discussion: "With one generation it is compared with what the files say now.")

  @Argument(help: "The older one: @12, @ for what runs, @-1 for what was before.")
  var from: String
  @Argument(help: "The newer one; the files when it is left out.") var to: String?
  @Option(name: .long, help: "Only this module.") var module: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let places = (try HistoryReader.place(from), try to.map(HistoryReader.place))
    let document = try await HistoryReader.with(global) { reader in
      let old = try await reader.moment(places.0, module: module)
      let new: HistoryMoment? =
        if let place = places.1 { try await reader.moment(place, module: module) } else {
          Optional.none
        }
      return try await ProjectLoading.withCatalog { loading in
        try await compare(old, new, reader, loading)
      }
    }
    global.output.result(document, PlanText.difference(document))
  }

  /// - Parameter new: Nil is the files.
  private func compare(
    _ old: HistoryMoment, _ new: HistoryMoment?, _ reader: HistoryReader,
    _ loading: ProjectLoading
  ) async throws -> JSONValue {
    let options = reader.options(isShown: new != nil)
    let project = try loading.load(global, options: options)
    let desired: [ModuleDefinition]
    if let new {
      let read = try await reader.definitions(
        new.entries, loading, beside: project, options: options)
      desired = new.entries.map { read.modules[$0.module] ?? $0.unread }
    } else {
      guard !project.hasErrors else { throw Failure(configurationOf: project) }
      desired = project.modules
    }
    let past = try await reader.definitions(
      old.entries, loading, beside: project, options: options)
    var plan = ModulePlan(
      from: past.base(of: old, comparedWith: new), to: chosen(desired), onRemoved: .park)
    var contents = try await reader.history.files(plan.contentHashes)
    for file in desired.flatMap(\.captured) where file.content != nil {
      contents[file.hash] = file.content
    }
    plan.compareContents(contents)
    var object = Secrets.redact(.object(plan.json)).object ?? [:]
    for key in ["plan_id", "base_generation", "on_removed", "impact"] { object[key] = nil }
    object["from"] = JSONValue(old.number)
    object["to"] = new.map { JSONValue($0.number) } ?? "files"
    return .object(object)
  }

  private func chosen(_ modules: [ModuleDefinition]) -> [ModuleDefinition] {
    modules.filter { module == nil || $0.name == module }
  }
}

extension HistoryEntry {
  /// Stands for a definition that cannot be read: only its hash can be compared.
  fileprivate var unread: ModuleDefinition {
    ModuleDefinition(name: module, contentHash: contentHash, documents: documents)
  }
}

extension PastDefinitions {
  /// The modules of a moment as a plan starts from them; against the files only those of the boot
  /// project.
  ///
  /// - Parameter new: What they are compared with; nil is the files.
  fileprivate func base(of old: HistoryMoment, comparedWith new: HistoryMoment?) -> PlanBase {
    let entries = new == nil ? old.entries.filter(\.isFromBoot) : old.entries
    var base = PlanBase(generation: old.number)
    base.modules = entries.map {
      PlanBase.Module(name: $0.module, generation: $0.number, contentHash: $0.contentHash)
    }
    base = completing(base)
    guard let new else { return base }
    for index in base.modules.indices {
      guard let then = entries.first(where: { $0.module == base.modules[index].name }),
        let other = new.entries.first(where: { $0.module == then.module })
      else { continue }
      base.modules[index].variables = then.variables(otherIn: other)
    }
    return base
  }
}

extension HistoryEntry {
  /// The variables whose values differ, by what their keyed hashes tell.
  fileprivate func variables(otherIn other: HistoryEntry) -> [String] {
    let (before, after) = (documents.value(), other.documents.value())
    var names: [String] = []
    for key in ["variables", "inherited_variables"] {
      for member in before[key]?.object?.members ?? [] {
        guard let value = after[key]?[member.key], value != member.value else { continue }
        if !names.contains(member.key) { names.append(member.key) }
      }
    }
    return names
  }
}
