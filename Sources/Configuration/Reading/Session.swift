import Engine

/// What one load shares: the world as parameters, and what was found so far.
///
/// It is made for one load, used by one task, and thrown away.
final class Session {
  let catalog: ConnectorCatalog
  let environment: [String: String]
  let home: String
  let workingDirectory: String
  let options: LoadOptions

  var projectRoot = "/"
  /// What lies over the project's files; nil without one (config.md 11).
  var overlay: Overlay?
  /// Something is wrong with the overlay's file: what it would have changed must not be started.
  var isOverlayUnusable = false
  var workspaceVariables: [String: VariableScope.Given] = [:]
  var files: [CheckedFile] = []
  /// Files with an error of syntax; they are in the list without anyone noting them.
  private var unreadable: Set<String> = []
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var errorCount = 0
  /// The files that were read, so that one named twice is one.
  private var documents: [String: Node] = [:]
  /// Modules with an error.
  private(set) var invalid: Set<String> = []
  private(set) var secrets: Set<String> = []
  /// For so many secrets.
  private var keptRedactor: (count: Int, redactor: Redactor)?
  /// In the order of reading.
  private(set) var variables: [VariableUse] = []
  private var seenUses: Set<VariableUse> = []
  /// Where credentials stand.
  private var credentialPlaces: Set<Origin> = []
  /// Values that variables brought into documents, whether they are credentials or not.
  private(set) var broughtIn: Set<String> = []
  /// What variables brought into the database.
  var stored: [StoredValue] = []
  private var candidatesLeft = LoadLimits.candidatesMax
  private var expandedBytesLeft = LoadLimits.expandedBytesMax
  private var documentBytesLeft = LoadLimits.documentBytesMax
  private var complaints: [ExpressionPlace: [String: String?]] = [:]
  private(set) var globNamesLeft = LoadLimits.globNamesMax
  /// Whose errors are being found; nil while reading what belongs to none, such as the manifest.
  var currentModule: String?
  /// Contents of scripts and prompts, by their hash.
  var contents: [String: [UInt8]] = [:]
  /// Shown paths that symbolic links lead elsewhere, with where they lead.
  var links: [String: String] = [:]
  /// Credentials that are written literally, by module and place.
  var literals: [String: [String: JSONValue]] = [:]
  /// What stands in for the project's files; nil where the files themselves are read.
  var archive: ArchivedFiles?

  init(
    catalog: ConnectorCatalog, environment: [String: String], home: String,
    workingDirectory: String, options: LoadOptions
  ) {
    self.catalog = catalog
    self.environment = environment
    self.home = home
    self.workingDirectory = workingDirectory
    self.options = options
  }

  func report(
    _ level: Diagnostic.Level, _ code: String, _ message: String, at origin: Origin,
    among candidates: @autoclosure () -> some Sequence<String> = [String](),
    meant word: String? = nil, subject: String? = nil
  ) {
    var level = level
    if options.strict, level == .warning { level = .error }
    if level == .error {
      errorCount += 1
      if let currentModule { invalid.insert(currentModule) }
    }
    diagnostics.append(
      Diagnostic(
        file: origin.file, line: origin.line, column: origin.column, level: level, code: code,
        message: ShownText.line(message, charactersMax: LoadLimits.messageCharactersMax),
        suggestion: word.flatMap { nearest(to: $0, among: candidates()) },
        subject: subject))
  }

  /// The candidate that was probably meant, as long as looking for it costs little.
  func nearest(to word: String, among candidates: @autoclosure () -> some Sequence<String>)
    -> String?
  {
    guard candidatesLeft > 0 else { return nil }
    let names = Array(candidates())
    candidatesLeft -= names.count
    return Suggestion.nearest(to: word, among: names)
  }

  func error(_ code: String, _ message: String, at origin: Origin) {
    report(.error, code, message, at: origin)
  }

  /// Runs a body whose findings are handed back instead of being kept.
  func trying<Value>(
    _ body: () -> Value?
  ) -> (value: Value?, diagnostics: [Diagnostic], isClean: Bool) {
    let kept = (diagnostics, invalid, errorCount)
    diagnostics = []
    let value = body()
    let found = diagnostics
    (diagnostics, invalid, errorCount) = kept
    return (value, found, found.allSatisfy { $0.level != .error })
  }

  /// Adds what ``trying(_:)`` found.
  func keep(_ found: [Diagnostic]) {
    diagnostics += found
    errorCount += found.count { $0.level == .error }
  }

  func markInvalid(_ module: String) { invalid.insert(module) }

  /// An unset variable or wrong parameter, from ``Substitution``.
  func reportSubstitution(
    _ code: String, _ message: String, at origin: Origin, subject: String?
  ) {
    let isUnset = code == "env.unset"
    let isTolerated = isUnset && options.allowMissingEnvironment
    let place = isUnset && options.isForRuntime ? " in the environment of the runtime" : ""
    let message = message + place
    report(isTolerated ? .warning : .error, code, message, at: origin, subject: subject)
  }

  /// Remembers that a file refers to a variable.
  func noteUse(_ use: VariableUse) {
    if seenUses.insert(use).inserted { variables.append(use) }
  }

  /// Remembers a credential, so that nothing shows it.
  func keepSecret(_ value: String) {
    if value.count >= Redaction.secretLengthMin { secrets.insert(value) }
  }

  /// Remembers that a credential stands somewhere, whether it can be told or not.
  func noteCredential(at origin: Origin) { credentialPlaces.insert(origin) }

  /// ``variables``, those in the places of credentials marked.
  var markedVariables: [VariableUse] {
    variables.map { use in
      var use = use
      use.isCredential = credentialPlaces.contains(use.origin)
      return use
    }
  }

  /// Remembers what a variable brought into a document: messages hide it (config.md 3.3).
  func noteValue(_ value: String) { broughtIn.insert(value) }

  // MARK: Limits

  /// Whether there is room for what a variable or parameter writes; says so once when there is not.
  func takeExpanded(_ bytes: Int, at origin: Origin) -> Bool {
    guard expandedBytesLeft >= 0 else { return false }
    expandedBytesLeft -= bytes
    guard expandedBytesLeft < 0 else { return true }
    error(
      "env.syntax",
      "variables and parameters make the configuration larger than "
        + "\(LoadLimits.expandedBytesMax >> 20) MiB", at: origin)
    return false
  }

  /// Whether there is room for a document; says so once when there is not.
  func takeDocument(_ node: Node) -> Bool {
    guard documentBytesLeft >= 0 else { return false }
    documentBytesLeft -= node.weight
    guard documentBytesLeft < 0 else { return true }
    error(
      "yaml.syntax",
      "all files together are larger than "
        + "\(LoadLimits.documentBytesMax >> 20) MiB, counted as often as they are used",
      at: node.origin)
    return false
  }

  /// The paths that match a pattern; says so when there are too many names to look at.
  func glob(_ pattern: String, at reference: Origin) -> [String] {
    if let archive { return archive.glob(pattern) }
    let hadRoom = globNamesLeft > 0
    var unclear: [(path: String, failure: FileAccess.Failure)] = []
    let found = FileAccess.glob(pattern, namesLeft: &globNamesLeft, unclear: &unclear)
    for each in unclear {
      error(
        "file.missing",
        "\(shown(each.path)): \(each.failure.message), so nobody can tell what the pattern matches",
        at: reference)
    }
    if hadRoom, globNamesLeft <= 0 {
      error(
        "file.missing",
        "patterns lead to more than \(LoadLimits.globNamesMax) names; "
          + "name the files or directories themselves", at: reference)
    }
    return found
  }

  /// The longest first, so that a value inside another is replaced with it.
  var sortedSecrets: [String] { secrets.sorted { ($1.count, $0) < ($0.count, $1) } }

  /// Hides ``secrets``. It is made anew only when there are more of them: a project may have
  /// hundreds of modules, each of which asks for it.
  var redactor: Redactor {
    if let kept = keptRedactor, kept.count == secrets.count { return kept.redactor }
    let redactor = Redactor(secrets)
    keptRedactor = (secrets.count, redactor)
    return redactor
  }

  /// What a program has against an expression. It is asked once for each, and not about any number.
  func complaint(
    about expression: String, in place: ExpressionPlace,
    _ ask: (String, ExpressionPlace) -> String?
  ) -> String? {
    if let known = complaints[place]?[expression] { return known }
    guard complaints.values.reduce(0, { $0 + $1.count }) < LoadLimits.expressionsMax else {
      return nil
    }
    let complaint = ask(expression, place)
    complaints[place, default: [:]][expression] = .some(complaint)
    return complaint
  }

  // MARK: Files

  func shown(_ path: String) -> String { FilePath.shown(path, root: projectRoot) }

  /// The absolute path of the file a node stands in.
  func file(of origin: Origin) -> String {
    origin.file.hasPrefix("/") ? origin.file : projectRoot + "/" + origin.file
  }

  /// The tree of a YAML file, nil after a problem, which has been reported.
  ///
  /// - Parameter reference: Where the file is named; a missing file is reported there.
  func document(_ path: String, namedAt reference: Origin) -> Node? {
    if let known = documents[path] { return known }
    if let archive {
      documents[path] = archive.document(path)
      if documents[path] == nil {
        error("file.missing", "\(shown(path)): the history does not have it", at: reference)
      }
      return documents[path]
    }
    let bytes: [UInt8]
    do {
      bytes = try FileAccess.read(path, bytesMax: YAMLDocument.bytesMax)
    } catch {
      let code = error.reason == .tooLarge ? "yaml.syntax" : "file.missing"
      self.error(code, "\(shown(path)): \(error.message)", at: reference)
      return nil
    }
    if let mode = FileAccess.mode(path), mode & 0o002 != 0 {
      report(
        .warning, "file.writable", "everyone may write this file, and so decide what runs",
        at: Origin(file: shown(path), line: 1, column: 1))
    }
    do {
      let node = try YAMLDocument.parse(bytes, file: shown(path))
      documents[path] = node
      return node
    } catch {
      for fault in error.all {
        self.error(
          fault.code, fault.message,
          at: Origin(file: shown(path), line: fault.line, column: fault.column))
      }
      if unreadable.insert(path).inserted {
        files.append(CheckedFile(path: shown(path), summary: "cannot be read"))
      }
      return nil
    }
  }

  /// Remembers what a file holds, for the list of files that were checked.
  func note(_ path: String, _ summary: String) {
    guard !unreadable.contains(path) else { return }
    files.append(CheckedFile(path: shown(path), summary: summary))
  }

  /// A file beside the one that names it, else below the module's root; the first that exists
  /// (config.md 4).
  func locate(_ path: String, near origin: Origin, root: String) -> String? {
    let places = candidates(path, near: origin, root: root)
    return places.first { kind(of: $0) != nil } ?? places.first { archive?.hasContent($0) ?? false }
  }

  func candidates(_ path: String, near origin: Origin, root: String) -> [String] {
    let beside = FilePath.resolve(path, in: FilePath.directory(file(of: origin)), home: home)
    let below = FilePath.resolve(path, in: root, home: home)
    return beside == below ? [beside] : [beside, below]
  }
}
