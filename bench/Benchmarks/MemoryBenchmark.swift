import Engine
import Foundation

/// Resident size of the process while a million events go through the engine.
///
/// Arguments: events, publishers.
enum MemoryBenchmark {
  static func run(_ arguments: [String]) async throws {
    let events = Workbench.number(arguments, 0, default: 1_000_000)
    let publishers = Workbench.number(arguments, 1, default: 64)
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    print(Workbench.load)
    print("events\tRSS kB\tanonymous kB")
    let sizes = try await EngineRig.use(directory + "/memory.db") { rig in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try await rig.publish(events, publishers: publishers) }
        var sizes: [Int] = []
        for tenth in 1...10 {
          let goal = events / 10 * tenth
          while rig.actor.delivered < goal { try await Task.sleep(for: .milliseconds(5)) }
          sizes.append(try report(goal))
        }
        try await group.waitForAll()
        try await rig.settle(events)
        return sizes
      }
    }
    let ratio = Double(sizes[9]) / Double(sizes[0])
    let peak = Double(sizes.max() ?? 0) / Double(sizes[0])
    print("last / first \(Workbench.format(ratio)), largest / first \(Workbench.format(peak))")
  }

  /// Prints one line; returns the resident size in kB.
  private static func report(_ events: Int) throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let resident = kilobytes("VmRSS:", in: status)
    print("\(events)\t\(resident)\t\(kilobytes("RssAnon:", in: status))")
    return resident
  }

  private static func kilobytes(_ field: String, in status: String) -> Int {
    let line = status.split(separator: "\n").first { $0.hasPrefix(field) }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
  }
}
