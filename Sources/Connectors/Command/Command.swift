/// A program to run: a list of arguments, never a shell, and nothing inherited.
package struct Command: Sendable {
  /// The program first: an absolute path, or a name that is looked up on `PATH`.
  package var arguments: [String]
  /// Everything the child sees of an environment.
  package var environment: [String: String]
  /// Where it runs.
  package var directory: String
  /// What it may use.
  package var limits: ResourceLimits

  package init(
    _ arguments: [String], environment: [String: String], directory: String,
    limits: ResourceLimits = .none
  ) {
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.limits = limits
  }

  /// What a child may use, set right after it was started.
  package enum ResourceLimits: Sendable {
    case none
    /// Few open files and no core dump: for code that only turns one event into another.
    case transform
  }

  /// The three variables every command gets, out of the engine's own (config.md 9.2).
  package static func baseEnvironment(from own: [String: String]) -> [String: String] {
    own.filter { ["PATH", "HOME", "LANG"].contains($0.key) }
  }
}

/// How a command ended and what it printed.
package struct CommandResult: Sendable {
  /// How it ended.
  package var ending: Ending
  /// All of stdout; empty when it was handed over as it came.
  package var output: [UInt8]
  /// The last 64 KiB of stderr.
  package var errorTail: [UInt8]

  /// By itself, or by a signal.
  package enum Ending: Sendable, Hashable, CustomStringConvertible {
    case exited(Int32)
    case signaled(Int32)

    /// `exit status 3`, for messages.
    package var description: String {
      switch self {
      case .exited(let code): "exit status \(code)"
      case .signaled(let number): "ended by signal \(number)"
      }
    }
  }

  /// The last line of stderr that is not blank, safe to show.
  package var lastErrorLine: String? { SafeText.lastLine(errorTail) }

  /// `exit status 3: the last line of stderr`.
  package var failureText: String { "\(ending)" + (lastErrorLine.map { ": \($0)" } ?? "") }
}
