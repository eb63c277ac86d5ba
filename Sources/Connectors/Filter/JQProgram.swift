import Dispatch
import Engine
import Foundation

/// Asks the `jq` program whether it takes an expression, so that a wrong one is told when the
/// configuration is read and not at the first event.
enum JQProgram {
  /// MAX_ARG_STRLEN of Linux, the end of the text included (execve(2)).
  private static let argumentBytesMax = 128 << 10

  /// What jq has against an expression, on one line; nil when it takes it, or cannot be asked.
  ///
  /// The expression is compiled and not run: there is nothing that it could be run on.
  ///
  static func complaint(_ expression: String, _ place: ExpressionPlace) -> String? {
    guard expression.utf8.count + 2 <= argumentBytesMax else {
      return "is longer than 128 KiB, which no program can be given"
    }
    let places = (place.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/jq" }
    guard let program = places.first(where: FileManager.default.isExecutableFile) else {
      return nil
    }
    let (process, errors) = (Process(), Pipe())
    process.executableURL = URL(filePath: program)
    // As it is run later: see JQTransform.
    process.arguments = [" " + expression, "/dev/null"]
    // What the expression uses may lie there, or in ~/.jq.
    process.currentDirectoryURL = URL(filePath: place.directory)
    process.environment = place.environment.merging(["LC_ALL": "C"]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    do {
      try process.run()
    } catch {
      return nil
    }
    let limit = DispatchWorkItem { kill(process.processIdentifier, SIGKILL) }
    let wait = DispatchTime.now() + .milliseconds(Int(ConnectorLimits.jqTimeoutMs))
    DispatchQueue.global().asyncAfter(deadline: wait, execute: limit)
    // What cannot be read says nothing, and the exit code still does.
    let output = (try? errors.fileHandleForReading.readToEnd()) ?? nil
    process.waitUntilExit()
    limit.cancel()
    // 3 is jq's own for an expression that cannot be compiled.
    guard process.terminationReason == .exit, process.terminationStatus == 3 else { return nil }
    return text(String(decoding: output ?? Data(), as: UTF8.self))
  }

  /// The first line of jq's own words, without what only its command line needs.
  private static func text(_ output: String) -> String {
    let line = output.split(separator: "\n").first.map(String.init) ?? "it cannot be compiled"
    var words = line.replacing("jq: error: ", with: "", maxReplacements: 1)
      .replacing(" (Unix shell quoting issues?)", with: "")
      .replacing(" at <top-level>,", with: " in")
    while words.hasSuffix(":") { words.removeLast() }
    return words
  }
}
