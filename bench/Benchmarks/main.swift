// Measurements of orgloop; each prints its figures as ratios against a baseline of the same run.
// `swift run -c release Benchmarks` lists them; bench/README.md has the method and the figures.

let arguments = Array(CommandLine.arguments.dropFirst())
let benchmarks: [(name: String, summary: String, run: ([String]) async throws -> Void)] = [
  ("engine", "whole life of an event against sqlite3 alone", EngineBenchmark.run),
  ("profile", "the engine's part of `engine` alone, for a profiler", EngineBenchmark.profile),
  ("routing", "one decision with 10,000 routes against 10", RoutingBenchmark.run),
  ("memory", "resident size over a million events", MemoryBenchmark.run),
  ("history", "accept and claim with a million events in the file", HistoryBenchmark.run),
  (
    "retention", "what deleting a million events costs who writes meanwhile", RetentionBenchmark.run
  ),
  ("replay", "stored events into an actor that does nothing", ReplayBenchmark.run),
  ("evidence", "a plan tried on recorded events", EvidenceBenchmark.run),
  ("slow", "a fast actor alone and beside a slow one", SlowActorBenchmark.run),
  ("serve", "a server for bench/http.sh", HTTPSubject.run),
]

if let name = arguments.first, let benchmark = benchmarks.first(where: { $0.name == name }) {
  try await benchmark.run(Array(arguments.dropFirst()))
} else {
  for benchmark in benchmarks { print("\(benchmark.name)\t\(benchmark.summary)") }
}
