import ArgumentParser
import Engine

/// The words that name a command, looked up before the parser sees them: it knows no suggestions,
/// and takes `help` with any word for a call of `help`.
enum CommandWord {
  /// - Parameter arguments: Without global flags in front.
  /// - Throws: ``Failure``, 64, for a word that is no command.
  static func check(_ arguments: [String]) throws {
    let isHelp = arguments.first == "help"
    var group: any ParsableCommand.Type = Orgloop.self
    var path = "orgloop"
    for word in arguments.dropFirst(isHelp ? 1 : 0) {
      let commands = group.configuration.subcommands
      guard !commands.isEmpty, !word.hasPrefix("-") else { return }
      let names = commands.compactMap { $0.configuration.commandName }
      guard let next = commands.first(where: { $0.configuration.commandName == word }) else {
        if word == "help", !isHelp { return }
        let meant = Suggestion.nearest(to: word, among: names)
        throw Failure(
          .usage, .usage,
          "\(path) has no command \"\(SafeOutput.id(word))\""
            + (meant.map { "; did you mean \"\($0)\"?" } ?? ""),
          hint: "\(path) --help lists them")
      }
      group = next
      path += " " + word
    }
  }
}
