import Connectors

// The reaper must be nothing but a reaper: no thread, no signal mask, no memory beyond its own
// (see ``ChildGuard``).
if CommandLine.arguments.dropFirst().first == Reaper.argument { Reaper.main() }

ProcessSetup.prepare()
await Program.main(Array(CommandLine.arguments.dropFirst()))
