import ArgumentParser
import Connectors
package import Engine

/// Values of flags that are more than text.
package enum FlagValue {
  /// - Throws: ``Failure`` naming the flag.
  package static func durationMs(_ text: String, of flag: String) throws -> Int64 {
    guard let ms = DurationText.ms(text) else {
      throw Failure(
        .usage, .usage, "\(flag) must be a duration such as 30s, not \"\(text)\"")
    }
    return ms
  }

  /// - Parameter what: What it is a value of, such as `--name`.
  /// - Throws: ``Failure`` for no text.
  static func checkText(_ text: String?, of what: String) throws {
    guard text?.isEmpty == true else { return }
    throw Failure(.usage, .usage, "\(what) must not be empty")
  }

  /// - Throws: ``Failure`` naming the flag.
  static func perSecond(_ text: String, of flag: String) throws -> Double {
    guard let rate = RateText.perSecond(text) else {
      throw Failure(.usage, .usage, "\(flag) must be a rate such as 10/s, 5/m or 100/h")
    }
    return rate
  }

  /// `key=value` pairs; a value may hold more of `=`.
  ///
  /// - Throws: ``Failure`` for one without `=`, and for a key that stands twice.
  package static func parameters(_ pairs: [String]) throws -> [String: String] {
    var parameters: [String: String] = [:]
    for pair in pairs {
      guard let end = pair.firstIndex(of: "="), end != pair.startIndex else {
        throw Failure(.usage, .usage, "--param must be KEY=VALUE, not \"\(pair)\"")
      }
      let key = String(pair[..<end])
      guard parameters[key] == nil else {
        throw Failure(.usage, .usage, "--param \(key) is given twice")
      }
      parameters[key] = String(pair[pair.index(after: end)...])
    }
    return parameters
  }

  /// What can be paused, or all of it.
  ///
  /// - Parameter module: Where the targets are; it says nothing of a module, or of all of them.
  /// - Throws: ``Failure`` for a target of another form, for both, for neither, and for a module
  ///   that would narrow nothing down.
  package static func checkTargets(_ targets: [String], all: Bool, module: String?) throws {
    guard all == targets.isEmpty else {
      throw Failure(
        .usage, .usage,
        all ? "--all takes no targets" : "name what to act on, or give --all",
        hint: "such as source/ID, route/NAME, actor/ID or module/NAME")
    }
    guard !all || module == nil else {
      throw Failure(
        .usage, .usage, "--all takes no --module", hint: "module/NAME names a whole module")
    }
    for text in targets {
      guard let target = PauseTarget(text) else {
        throw Failure(
          .usage, .usage,
          "\"\(text)\" is not of the form source/ID, route/NAME, actor/ID or "
            + "module/NAME")
      }
      guard module == nil || target.kind != .module else {
        throw Failure(
          .usage, .usage, "\(text) takes no --module", hint: "several modules are several targets")
      }
    }
  }
}

extension RemovedPolicy: ExpressibleByArgument {}

/// What `module load` is told to load (cli-http.md 2.3).
package enum ModuleTarget: Sendable, Hashable {
  /// Absolute, because the runtime works in another directory.
  case path(String)
  case package(String)

  /// A path contains a slash or exists; `@scope/name` is a package unless it exists.
  package init(_ text: String, exists: (String) -> Bool, absolute: (String) -> String) {
    let isPath = text.contains("/") && !text.hasPrefix("@")
    self = isPath || exists(text) ? .path(absolute(text)) : .package(text)
  }
}
