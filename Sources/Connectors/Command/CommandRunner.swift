import CPlatform
import Engine
import Subprocess
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Runs commands for exec sources and actors, transform scripts, and jq (connectors.md 1.5).
///
/// The life of a command: it starts in a process group of its own, which the ``ChildGuard`` is told
/// about; its input is written while its output is read; when the command itself ends, whatever
/// else is left in its group is killed, so that a forgotten grandchild can neither hold the pipes
/// open nor stay behind. Cancelling the task sends SIGTERM to the group, and SIGKILL 5 s later.
/// Nothing here blocks a thread of the cooperative pool: Subprocess waits with epoll.
package struct CommandRunner: Sendable {
  private let childGuard: ChildGuard?
  /// PATH, HOME and LANG as every command gets them.
  package let baseEnvironment: [String: String]

  /// - Parameter childGuard: Told of every command; nil leaves them to outlive a `kill -9`.
  package init(baseEnvironment: [String: String], childGuard: ChildGuard?) {
    self.baseEnvironment = baseEnvironment
    self.childGuard = childGuard
  }

  /// Runs a command to its end and collects what it prints.
  ///
  /// - Parameters:
  ///   - input: Written to its stdin, then end of file. A command that does not read it is no error.
  ///   - onErrorOutput: Called with each piece of stderr, besides the tail that is kept.
  /// - Throws: ``ConnectorError`` `.cannotStart` or `.outputLimit` (10 MiB); `CancellationError`
  ///   when the task was cancelled, after the command has ended.
  package func run(
    _ command: Command, input: [UInt8],
    onErrorOutput: @escaping @Sendable ([UInt8]) -> Void = { _ in }
  ) async throws -> CommandResult {
    let output = Mutex<[UInt8]>([])
    var result = try await stream(
      command, input: input, closesInput: true, onErrorOutput: onErrorOutput
    ) { bytes in
      let fits = output.withLock { output in
        guard output.count + bytes.count <= Limits.commandOutputBytesMax else { return false }
        output.append(contentsOf: bytes)
        return true
      }
      guard fits else {
        throw ConnectorError(
          .outputLimit, "the command printed more than 10 MiB to stdout and was stopped")
      }
    }
    result.output = output.withLock { $0 }
    return result
  }

  /// Runs a command and hands over what it prints as it comes.
  ///
  /// - Parameters:
  ///   - closesInput: End of file follows the input; otherwise stdin stays open to the end.
  ///   - onErrorOutput: Called with each piece of stderr, besides the tail that is kept.
  ///   - onOutput: Called with each piece of stdout. While it works nothing is read, and a full
  ///     pipe makes the command wait; an error it throws stops the command.
  /// - Returns: The result without output.
  /// - Throws: As ``run(_:input:)``, and what `onOutput` throws.
  package func stream(
    _ command: Command, input: [UInt8], closesInput: Bool,
    onErrorOutput: @escaping @Sendable ([UInt8]) -> Void = { _ in },
    onOutput: @escaping @Sendable ([UInt8]) async throws -> Void
  ) async throws -> CommandResult {
    let configuration = try configuration(command)
    let childGuard = childGuard
    var triesLeft = CommandRunner.busyTriesMax
    while true {
      try Task.checkCancellation()
      do {
        let outcome = try await Subprocess.run(
          configuration, input: .inputWriter, output: .sequence, error: .sequence
        ) { execution in
          let group = execution.processIdentifier.value
          childGuard?.add(group)
          defer { childGuard?.remove(group) }
          command.limits.apply(to: group)
          let child = RunningCommand(execution: execution, onErrorOutput: onErrorOutput)
          return try await child.exchange(
            input: input, closesInput: closesInput, onOutput: onOutput)
        }
        try Task.checkCancellation()
        return CommandResult(
          ending: CommandResult.Ending(outcome.terminationStatus), output: [],
          errorTail: outcome.closureResult)
      } catch let error as SubprocessError {
        guard error.underlyingError == .textFileBusy, triesLeft > 0 else {
          throw CommandRunner.startError(error, command)
        }
        triesLeft -= 1
        try await Task.sleep(for: CommandRunner.busyDelay)
      }
    }
  }

  /// A program whose file is open for writing cannot start (ETXTBSY): an editor is saving it, or,
  /// for an instant, a fork of ours has inherited a descriptor that is about to close
  /// (<https://github.com/golang/go/issues/22315>). Nothing has run then, so it is tried again, for
  /// half a second.
  private static let busyTriesMax = 25
  private static let busyDelay = Duration.milliseconds(20)

  private func configuration(_ command: Command) throws -> Configuration {
    guard let program = command.arguments.first, !program.isEmpty else {
      throw ConnectorError(.configuration, "the command is empty")
    }
    var options = PlatformOptions()
    options.processGroupID = 0  // a group of its own, with the child's own id
    options.teardownSequence = RunningCommand.stopSteps
    let path =
      program.hasPrefix("/") || !program.contains("/")
      ? program : command.directory + "/" + program
    return Configuration(
      executable: program.contains("/") ? .path(FilePath(path)) : .name(program),
      arguments: Arguments(Array(command.arguments.dropFirst())),
      // As bytes with their NUL: Subprocess hands each row to strdup.
      environment: .custom(command.environment.map { Array("\($0.key)=\($0.value)".utf8) + [0] }),
      workingDirectory: FilePath(command.directory), platformOptions: options)
  }

  /// The kernel says "no such file" of a script too whose interpreter is missing.
  private static func interpreterError(_ command: Command, _ name: String) -> ConnectorError? {
    guard let program = command.arguments.first, program.contains("/") else { return nil }
    let path = program.hasPrefix("/") ? program : command.directory + "/" + program
    guard let interpreter = ScriptFile.interpreter(path) else { return nil }
    if interpreter.hasSuffix("\r") {
      return ConnectorError(
        .cannotStart, "cannot start \(name): its first line ends with a carriage return",
        hint: "save it with LF line ends")
    }
    guard access(interpreter, X_OK) != 0 else { return nil }
    return ConnectorError(
      .cannotStart,
      "cannot start \(name): its first line names \(SafeText.escaped(interpreter, bytesMax: 200)), "
        + "which is missing or may not be executed",
      hint: "install it, or correct the first line")
  }

  private static func startError(_ error: SubprocessError, _ command: Command) -> ConnectorError {
    let name = command.arguments.first.map { SafeText.escaped($0) } ?? ""
    return switch error.code {
    case .executableNotFound:
      interpreterError(command, name)
        ?? ConnectorError(
          .cannotStart, "cannot start \(name): no such program, or it may not be executed",
          hint: "give its path, put it on PATH, or chmod +x it")
    case .failedToChangeWorkingDirectory:
      ConnectorError(
        .cannotStart, "cannot start \(name): the directory \(command.directory) cannot be entered")
    default:
      ConnectorError(
        .cannotStart,
        "cannot start \(name): " + (error.underlyingError.map { "\($0)" } ?? "spawn failed"))
    }
  }
}

extension CommandResult.Ending {
  fileprivate init(_ status: TerminationStatus) {
    switch status {
    case .exited(let code): self = .exited(code)
    case .signaled(let number): self = .signaled(number)
    }
  }
}

extension Command.ResourceLimits {
  /// Sets the limits of a child that has just been started.
  ///
  /// The child is ours and not yet waited for, so its id cannot mean another process. A limit that
  /// cannot be set is left: the time limit and the output limit still hold.
  fileprivate func apply(to child: pid_t) {
    if case .transform = self {
      _ = orgloop_limit_child(child, ConnectorLimits.transformFilesMax, 1)
    }
  }
}
