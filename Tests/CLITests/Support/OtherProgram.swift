import Engine
import Foundation
import Subprocess
import Synchronization
import Testing

/// What a program that is not ours prints; it must end with 0.
func output(of words: String..., input: String = "") async throws -> String {
  let result = try await Child.run(
    Configuration(
      executable: .name(words[0]), arguments: Arguments(Array(words.dropFirst()))),
    input: input)
  try #require(result.ending.isSuccess, "\(words): \(result.error)")
  return result.output
}

/// A number that several tasks count up.
final class Counter: Sendable {
  private let count = Atomic<Int64>(0)

  var value: Int64 { count.load(ordering: .sequentiallyConsistent) }
  func increase() { count.add(1, ordering: .sequentiallyConsistent) }
}

/// A place whose runtime has delivered one event and has been stopped.
func workedPlace(project: String = Workplace.project()) async throws -> Workplace {
  let work = try Workplace(project: project)
  let running = try await work.start()
  let id = try #require(try await running.post(#"{"text": "one"}"#).body["event_id"]?.string)
  _ = try await work.untilSettled(id)
  try #require(try await work.run("stop").status == 0)
  return work
}
