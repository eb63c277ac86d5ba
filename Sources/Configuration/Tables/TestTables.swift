import Engine

/// Files of tests (docs/testing.md). They are no part of a project, so nothing in them is replaced by
/// variables, and a key that nothing reads is an error: it would look like a check and be none.
extension Tables {
  /// The value of `kind`, which may be left out.
  static let testsKind = "Tests"

  private static let scalar = ConfigType.either([
    .string, .number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude), .boolean,
  ])

  private static let mock = ConfigTable(
    "test_mock", "What a transform does in a test instead of its work; one of these.",
    [
      ConfigField("drop", .any, "It drops the event; the text is the reason."),
      ConfigField("error", scalar, "It fails, with this text."),
      ConfigField("event", .map(.any), "Keys that it changes in the event."),
    ])

  /// What files and cases may both say; a case has the last word.
  private static let common = [
    ConfigField("variables", .map(scalar), "Variables, above those of the environment."),
    ConfigField("params", .map(.map(scalar)), "Parameters of modules, by the module's name."),
    ConfigField(
      "mocks", .map(.either([.choice(["pass"]), .table(mock)])),
      "What transforms do, by their names."),
    ConfigField("module", .string, "The module whose source the events come from."),
  ]

  static let testDrop = ConfigTable(
    "test_drop", "Which transform drops the event, and why.",
    [
      ConfigField("by", .string, "The transform."),
      ConfigField("reason", .any, "A condition on the reason."),
    ])

  static let testRoute = ConfigTable(
    "test_route", "What becomes of an event on a route.",
    [
      ConfigField("matched", .boolean, "Whether the route takes the event."),
      ConfigField("transformed", .filter, "Conditions on the event after its transforms."),
      ConfigField("config", .filter, "Conditions on what the actor is given."),
      ConfigField("prompt", .either([.string, .list(.string)]), "Texts that the prompt has."),
      ConfigField("order_key", .any, "A condition on the order key; null is that there is none."),
      ConfigField("inbox", .boolean, "Whether the event is stored for collection."),
      ConfigField("dropped", .either([.boolean, .table(testDrop)]), "It is dropped."),
      ConfigField("error", .any, "A condition on the error; true is any."),
    ])

  static let testExpectation = ConfigTable(
    "test_expectation", "What becomes of an event.",
    [
      ConfigField(
        "routes",
        .either([
          .map(.either([.nothing, .table(testRoute)])),
          .list(.either([.string, .map(.either([.nothing, .table(testRoute)]))])),
        ]), "A list names all routes that match; a map says something of some."),
      ConfigField("no_match", .boolean, "No route matches."),
    ])

  static let testEvent = ConfigTable(
    "test_event", "An event; what is left out is filled in.", isOpen: true,
    [
      ConfigField(
        "file", .string, "A file with the event as JSON; what stands beside it lies above."),
      ConfigField("id", .string, "The id of the event."),
      ConfigField("timestamp", .string, "When it happened, as an ISO 8601 time."),
      ConfigField("source", .string, "The source that it comes from."),
      ConfigField("type", .choice(EventType.allCases.map(\.rawValue)), "The type of the event."),
      ConfigField("provenance", .map(.any), "Where it comes from."),
      ConfigField("payload", .any, "What it says."),
      ConfigField("trace_id", .string, "The id of the trace."),
      ConfigField("module", .string, "The module whose source it comes from."),
    ])

  static let testCase = ConfigTable(
    "test_case", "Events, and what becomes of them.",
    [
      ConfigField("name", .string, required: true, "What the test is called."),
      description,
      ConfigField("event", .either([.string, .table(testEvent)]), "An event, or a file with it."),
      ConfigField(
        "events", .list(.either([.string, .table(testEvent)])), "Events, one after the other."),
      ConfigField(
        "expect",
        .either([.table(testExpectation), .list(.either([.nothing, .table(testExpectation)]))]),
        required: true, "A map is about the last event, a list about each."),
    ] + common)

  static let testFile = ConfigTable(
    "tests", "tests/*.yaml: what the configuration does with events.",
    [
      ConfigField("apiVersion", .constant(FileKind.apiVersion), "The version of this format."),
      ConfigField("kind", .constant(testsKind), "What the file holds."),
      ConfigField("metadata", .table(groupMetadata), "What the file is."),
      ConfigField("tests", .list(.table(testCase)), required: true, "The tests."),
    ] + common)
}
