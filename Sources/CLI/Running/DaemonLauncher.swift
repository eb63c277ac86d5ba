import Dispatch
import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Starts the runtime in the background and waits until it says how that went
/// (cli-http.md 2.2, `--daemon`).
struct DaemonLauncher {
  let output: Output
  let workspace: String

  /// Returns when the runtime is ready.
  ///
  /// - Throws: ``Failure`` with the child's own words and exit status when it did not get there.
  func launch() async throws {
    let log = try DaemonLog.open()
    defer { close(log) }
    let arguments = StartArguments.given(
      workspace: workspace, without: ["--daemon", "--json", "--quiet"])
    let child = try RuntimeChild.start(arguments, log: log)
    let told = await DaemonLauncher.readAll(child)
    // Anything but a whole document means that the child ended before it could say how it went.
    guard !told.isEmpty, let text = try? JSONText(checking: told, limits: .trusted) else {
      throw DaemonLauncher.ended(child)
    }
    let document = text.value()
    if let failure = Failure(document) {
      // What the child has said of it went to the log.
      output.showDetails(of: failure)
      throw failure
    }
    guard let report = StartReport(document) else { throw DaemonLauncher.ended(child) }
    for note in report.notes { output.show(note) }
    output.result(report.json, report.text)
  }

  /// On a thread of its own, because it blocks.
  private static func readAll(_ child: RuntimeChild) async -> [UInt8] {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "orgloop.readiness").async {
        continuation.resume(returning: child.readAll())
      }
    }
  }

  /// The failure of a child that ended without a word: a crash, or a signal. It has closed the pipe,
  /// so it is ending already and this does not wait long.
  private static func ended(_ child: RuntimeChild) -> Failure {
    let code = child.collect()
    return Failure(
      .runtime, ExitStatus(rawValue: code) ?? .failed,
      "the daemon ended with status \(code) before it was ready", hint: "see \(DaemonLog.path)")
  }
}

/// The arguments of this process for another one that does its work.
enum StartArguments {
  /// - Parameters:
  ///   - workspace: The one that was chosen, whatever is selected later.
  ///   - unwanted: Flags without a value; what follows `--` is none.
  static func given(workspace: String, without unwanted: Set<String>) -> [String] {
    let given = CommandLine.arguments.dropFirst()
    let end = given.firstIndex(of: "--") ?? given.endIndex
    // Of a flag that is given twice the last one counts.
    return given[..<end].filter { !unwanted.contains($0) } + ["--workspace", workspace]
  }
}
