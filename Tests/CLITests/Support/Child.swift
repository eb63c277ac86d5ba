import Subprocess

/// Another program, run to its end with an input and two outputs that are collected.
enum Child {
  /// What the program came to.
  struct Outcome: Sendable {
    let ending: TerminationStatus
    let output: String
    let error: String
  }

  /// - Parameter input: Written to its stdin, then end of file. A program may end without having
  ///   read it.
  static func run(_ configuration: Configuration, input: String) async throws -> Outcome {
    // Not `input: .string`: when the program has ended before its input is written, the package
    // stops the process that runs it (<https://github.com/swiftlang/swift-subprocess/issues/367>).
    let result = try await Subprocess.run(
      configuration, input: .inputWriter, output: .string(limit: 8 << 20),
      error: .string(limit: 8 << 20)
    ) { execution in
      let writer = execution.standardInputWriter
      // A broken pipe only says that the program did not want it.
      do { _ = try await writer.write(input) } catch {}
      try await writer.finish()
    }
    return Outcome(
      ending: result.terminationStatus, output: result.standardOutput, error: result.standardError)
  }
}
