/// A code that a diagnostic may have: what it means and what to do (config.md 13.2).
///
/// docs/diagnostics.md is made of this list, and a test holds the loader to it: a code that stands
/// here is stable, and no other one is ever reported.
package struct DiagnosticCode: Sendable {
  package let code: String
  package let level: Diagnostic.Level
  /// What is wrong.
  package let cause: String
  /// What to do about it.
  package let cure: String

  private init(_ code: String, _ level: Diagnostic.Level, _ cause: String, cure: String) {
    self.code = code
    self.level = level
    self.cause = cause
    self.cure = cure
  }

  /// An error.
  private init(_ code: String, _ cause: String, cure: String) {
    self.init(code, .error, cause, cure: cure)
  }

  /// What to do about a code; nil for one that does not exist.
  package static func cure(of code: String) -> String? { byCode[code]?.cure }

  /// A code of this list; nil for one that does not exist.
  package static func named(_ code: String) -> DiagnosticCode? { byCode[code] }

  private static let byCode = Dictionary(
    all.map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })

  /// All of them, in the order of the documentation.
  package static let all: [DiagnosticCode] = files + objects + references + uses + tests

  private static let files = [
    DiagnosticCode(
      "yaml.syntax",
      "The file is no YAML that orgloop reads: a syntax error, tabs as indentation, "
        + "a second document, an unknown tag, a number beyond 64 bits, bytes that are not UTF-8, "
        + "or more than 1 MiB, 32 levels or 100,000 values.",
      cure: "Mend the text at that place; split a file that is too large."),
    DiagnosticCode(
      "yaml.duplicate-key", "A key stands twice in one map.",
      cure: "Remove one of the two, or merge what they hold."),
    DiagnosticCode(
      "file.missing",
      "A file that is named does not exist, cannot be read or is not a regular file; or what lies in "
        + "routes/, .env and the like cannot be read. As a warning: a pattern matches nothing.",
      cure: "Correct the path, which is relative to the file that it stands in, or the rights."),
    DiagnosticCode(
      "file.kind",
      "The kind of a file is not what the list that names it holds, or a module has "
        + "modules of its own.",
      cure: "Name the file in the list of its kind, or correct its kind."),
    DiagnosticCode(
      "file.api-version", "apiVersion is another one than this program reads.",
      cure: "Write apiVersion: orgloop/v1alpha1."),
    DiagnosticCode(
      "file.writable", .warning, "Everyone on the machine may write the file.",
      cure: "chmod o-w FILE"),
    DiagnosticCode(
      "key.unknown", .warning, "Nothing reads that key.",
      cure: "Correct the spelling, or move the key to where it belongs."),
    DiagnosticCode(
      "key.unread", .warning, "A transform of that type does not read the key.",
      cure: "Remove the key, or correct the type."),
    DiagnosticCode(
      "key.missing",
      "A required key is missing. As a warning: a project without apiVersion, kind "
        + "or metadata, or a module without a name.",
      cure: "Add the key."),
    DiagnosticCode(
      "key.type", "A value has another type, form or range than its key takes.",
      cure: "Write the value as the message says; put text that looks like a number in quotes."),
    DiagnosticCode(
      "key.unknown-value", "A value is none of those that its key takes.",
      cure: "Take one of the values that the message lists."),
  ]

  private static let objects = [
    DiagnosticCode(
      "id.invalid", "An id or name has characters that it must not have, or is too long.",
      cure: "Ids are letters, digits, \".\", \"_\" and \"-\", the first a letter or digit, at most "
        + "128; names are printable, without blanks around them."),
    DiagnosticCode(
      "id.duplicate", "Two objects of one kind have one id or name in the module.",
      cure: "Rename one of the two; the message says where the other one stands."),
    DiagnosticCode(
      "id.reserved",
      "The id or name means something else: orgloop is the runtime's own source, "
        + "default the boot project's module.",
      cure: "Take another id."),
    DiagnosticCode(
      "env.unset",
      "A variable is not set, or empty where a credential is needed. As a warning: one "
        + "that is to be passed on, or any with validate --allow-missing-env.",
      cure: "Set the variable in the environment or in .env, or write ${NAME:-default}."),
    DiagnosticCode(
      "env.syntax",
      "${…} holds no name of a variable, or a line of .env is not UTF-8. As a warning: a line of "
        + ".env is no NAME=value.",
      cure: "Write ${NAME} or ${NAME:-default}, and $${ for a literal ${; in .env NAME=value."),
    DiagnosticCode(
      "env.literal-secret", .warning,
      "A credential is written in the file. As a notice: it is the default of a variable that is "
        + "not set.",
      cure: "Put it in a variable and write ${NAME}."),
    DiagnosticCode(
      "env.stored-secret", .warning,
      "A credential, known by the name of its variable or by its use, stands where its value gets into "
        + "the database.",
      cure: "Take a value that is no secret; what needs the credential can read it itself."),
    DiagnosticCode(
      "connector.unknown", "No connector, transform or logger of that name is built in.",
      cure: "Correct the name; a program of your own is run by the connector exec or a script."),
    DiagnosticCode(
      "connector.role", "A connector that is only an actor is used as a source, or the reverse.",
      cure: "Take a connector that has that role."),
    DiagnosticCode(
      "connector.config", "The config does not suit the connector, transform or logger.",
      cure: "Write the value as the message says."),
    DiagnosticCode(
      "connector.event", .warning, "The connector knows no event of that name.",
      cure: "Correct the name; nothing arrives for one that does not exist."),
  ]

  private static let references = [
    DiagnosticCode(
      "ref.source", "A route names a source that does not exist.",
      cure: "Correct the id, or write module:source for that of another module."),
    DiagnosticCode(
      "ref.actor", "A route names an actor that does not exist in its module.",
      cure: "Correct the id, or define the actor; that of another module comes in by a parameter."),
    DiagnosticCode(
      "ref.transform", "A route names a transform that its module does not define.",
      cure: "Correct the name, or define the transform."),
    DiagnosticCode(
      "ref.module", .warning, "A route listens to a source of a module that is not loaded.",
      cure: "Load the module, or correct its name; until then nothing arrives."),
    DiagnosticCode(
      "prompt.missing",
      "A prompt file does not exist, cannot be read, is larger than 1 MiB, or is not UTF-8.",
      cure: "Correct the path, which is looked up beside the file, then in the project root; or "
        + "save the file as UTF-8, or shorten it."),
    DiagnosticCode(
      "template.placeholder", .warning,
      "A text of then.config has {{ that begins no placeholder, and is handed on as it is.",
      cure: "Write {{ path }} with a dot path and nothing else, or \\{{ for braces that are meant."),
    DiagnosticCode(
      "script.missing", "A program does not exist or is not a regular file.",
      cure: "Correct the path; it is looked up beside the file, in the project root, then on PATH."),
    DiagnosticCode(
      "script.not-executable",
      "A program may not be run, others may change it, or it begins with neither #! nor as a binary.",
      cure: "chmod +x FILE, chmod go-w FILE, or a first line such as #!/bin/sh, ended by LF"),
    DiagnosticCode(
      "jq.missing", "A filter has a jq program, and there is no jq on PATH.",
      cure: "Install jq, or filter with match and exclude."),
    DiagnosticCode(
      "jq.syntax", "The program jq does not take an expression.",
      cure: "Correct the expression; jq EXPRESSION FILE tries it on an event."),
    DiagnosticCode(
      "module.not-found", "A module that the manifest names cannot be found.",
      cure: "Write a path as ./path; a name is looked up in modules/, node_modules/ and "
        + "~/.orgloop/modules/."),
    DiagnosticCode(
      "module.param", "A parameter is missing, unknown, or has a value that it does not take.",
      cure: "Correct it under params: of the entry in the manifest, or what the module declares."),
    DiagnosticCode(
      "module.name-taken", "Two modules have one name.",
      cure: "Give one of the entries another name: name: …"),
    DiagnosticCode(
      "overlay.unmatched", .warning,
      "A workspace adds an object or variable whose name is nearly that of an existing one.",
      cure: "Correct the name, if the existing one is meant."),
  ]

  private static let uses = [
    DiagnosticCode(
      "http.path-conflict", "Two sources have one path, or the path is one of orgloop's own.",
      cure: "Take another path."),
    DiagnosticCode(
      "graph.dead-source", .warning, "No route listens to the source.",
      cure: "Add a route, or set enabled: false."),
    DiagnosticCode(
      "graph.unreachable-actor", .warning, "No route leads to the actor.",
      cure: "Add a route, or set enabled: false."),
    DiagnosticCode(
      "graph.orphan-transform", .warning, "No route uses the transform.",
      cure: "Use it in a route, or remove it."),
    DiagnosticCode(
      "graph.event-type-mismatch", .warning,
      "A route waits for a type of event that its source does not emit.",
      cure: "Correct when.events of the route, or emits of the source."),
    DiagnosticCode(
      "graph.self-loop", .warning,
      "A route sends to the address of its own source, or to the actor whose answers it listens to.",
      cure: "Send elsewhere; what comes back is dropped when it has gone round a few times."),
    DiagnosticCode(
      "poll.ignored", .notice, "poll.interval stands at a source that is not polled.",
      cure: "Remove the key."),
    DiagnosticCode(
      "state.ignored", .notice, "A key says where state is kept; it is kept in the database.",
      cure: "Remove the key."),
  ]

  /// Of `orgloop test`, in the files of tests/.
  private static let tests = [
    DiagnosticCode(
      "test.file", "A file with an event does not exist or is no JSON object.",
      cure: "Correct the path, which is relative to the test file, or the JSON."),
    DiagnosticCode(
      "test.key", "A key of a test means nothing.", cure: "Correct the spelling."),
    DiagnosticCode("test.missing", "A test lacks a key that it needs.", cure: "Add the key."),
    DiagnosticCode(
      "test.value", "A value in a test is not what its key takes.",
      cure: "Write the value as the message says."),
    DiagnosticCode("test.name", "Two tests of a file have one name.", cure: "Rename one of them."),
    DiagnosticCode(
      "test.module", "A test names a module that the project does not have.",
      cure: "Correct the name."),
    DiagnosticCode(
      "test.source", "The event of a test comes from a source that does not exist.",
      cure: "Correct the id, or name the module."),
    DiagnosticCode(
      "test.route",
      "A test names a route that does not exist, that several modules have, or twice.",
      cure: "Correct the name, or write module:route."),
    DiagnosticCode(
      "test.transform", "A test names a transform that the route does not use.",
      cure: "Correct the name."),
    DiagnosticCode(
      "test.unknown-variable", "A test sets a variable that nothing in the project refers to.",
      cure: "Correct the name, or remove it."),
    DiagnosticCode(
      "test.condition", "A condition on a field is none that a filter could have.",
      cure: "Write it as in when.filter."),
  ]
}
