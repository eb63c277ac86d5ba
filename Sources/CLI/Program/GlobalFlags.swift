/// Moves the global flags behind the command, where the parser expects them, so that a user may
/// write them before it or after it (cli-http.md 1.1).
package struct GlobalFlags: Sendable, Hashable {
  /// The arguments as the parser gets them.
  package private(set) var arguments: [String] = []
  package private(set) var isJSON = false
  package private(set) var asksVersion = false

  private static let switches: Set = [
    "--json", "--quiet", "-v", "--verbose", "--no-color", "--no-interactive", "-y", "--yes",
  ]
  private static let withValue: Set = ["-c", "--config", "-w", "--workspace", "--db"]

  package init(_ given: [String]) {
    var own: [String] = []
    var global: [String] = []
    var rest = given[...]
    while var argument = rest.popFirst() {
      if argument == "--" {
        rest.insert(argument, at: rest.startIndex)
        break
      }
      if argument.hasPrefix("--"), !argument.contains("="), let value = rest.first,
        GlobalFlags.isNegative(value)
      {
        // A number and no flag: the parser would say that the value is missing.
        argument += "=" + value
        rest.removeFirst()
      }
      let name = argument.prefix { $0 != "=" }
      if GlobalFlags.switches.contains(argument) {
        global.append(argument)
      } else if argument == "-V" || argument == "--version" {
        asksVersion = true
      } else if GlobalFlags.withValue.contains(argument) {
        global.append(argument)
        // A missing value is for the parser to complain about, so the flag goes last then.
        if let value = rest.popFirst() { global.append(value) }
      } else if GlobalFlags.withValue.contains(String(name)) {
        global.append(argument)
      } else {
        own.append(argument)
      }
    }
    isJSON = global.contains("--json")
    arguments = own + global + rest
  }

  private static func isNegative(_ text: String) -> Bool {
    text.first == "-" && text.dropFirst().first?.isNumber == true
  }
}
