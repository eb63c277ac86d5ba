import Subprocess

#if canImport(Glibc)
  import Glibc
#endif

/// A command between its start and its end: moves bytes in and out, and clears its group.
struct RunningCommand {
  let execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
  let onErrorOutput: @Sendable ([UInt8]) -> Void

  /// SIGTERM to the group, then, 5 s later, SIGKILL to the group; the last is implicit.
  static let stopSteps: [TeardownStep] = [
    .gracefulShutDown(
      toProcessGroup: true, allowedDurationToNextStep: ConnectorLimits.killDelay)
  ]

  /// Nothing is sent (signal 0): only the wait for the child's end is wanted, which Subprocess
  /// offers nowhere else. The duration is "for ever".
  private static let waitSteps: [TeardownStep] = [
    .send(
      signal: Signal(rawValue: 0), toProcessGroup: false,
      allowedDurationToNextStep: .seconds(100 * 365 * 86_400))
  ]

  /// Writes the input and reads the output until the command has ended.
  ///
  /// - Returns: The last 64 KiB of stderr.
  func exchange(
    input: [UInt8], closesInput: Bool, onOutput: @Sendable ([UInt8]) async throws -> Void
  ) async throws -> [UInt8] {
    try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
      group.addTask { [self] in
        await write(input, closes: closesInput)
        return nil
      }
      group.addTask { [self] in await readErrors() }
      group.addTask { [self] in
        await clearGroupAfterExit()
        return nil
      }
      var failure: (any Error)?
      do {
        for try await buffer in execution.standardOutput {
          try await onOutput(buffer.withUnsafeBytes { Array($0) })
        }
      } catch {
        // Stopped here, not by throwing: the watcher above ends only when the command has.
        failure = error
        await execution.teardown(using: RunningCommand.stopSteps)
      }
      var errorTail: [UInt8] = []
      while let tail = try await group.next() { errorTail = tail ?? errorTail }
      if let failure { throw failure }
      return errorTail
    }
  }

  /// A command may end, or close its stdin, without reading: a failed write says nothing about it
  /// (config.md 9.2), so the error is dropped.
  private func write(_ input: [UInt8], closes: Bool) async {
    do {
      _ = try await execution.standardInputWriter.write(input)
    } catch {}
    guard closes else { return }
    do {
      try await execution.standardInputWriter.finish()
    } catch {}
  }

  /// A failing read ends the tail; what was read before still tells why the command failed.
  private func readErrors() async -> [UInt8] {
    var tail: [UInt8] = []
    do {
      for try await buffer in execution.standardError {
        let bytes = buffer.withUnsafeBytes { Array($0) }
        onErrorOutput(bytes)
        tail.append(contentsOf: bytes)
        if tail.count > ConnectorLimits.errorTailBytesMax {
          tail.removeFirst(tail.count - ConnectorLimits.errorTailBytesMax)
        }
      }
    } catch {}
    return tail
  }

  /// Kills what the command left behind. It has ended but is not yet waited for, so its number, and
  /// with it the group's, belongs to nobody else.
  private func clearGroupAfterExit() async {
    await execution.teardown(using: RunningCommand.waitSteps)
    kill(-execution.processIdentifier.value, SIGKILL)
  }
}
