#if canImport(Glibc)
  import Glibc
#endif

/// The other side of ``ChildGuard``: outlives the engine by a moment and kills what it left.
package enum Reaper {
  /// The hidden first argument that makes the program a reaper.
  package static let argument = "__reaper"

  /// The whole life of the reaper process: reads stdin until the engine is gone.
  ///
  /// It ignores every signal that a terminal or a service manager sends to all processes, because
  /// it must still be there when the engine is not.
  package static func main() -> Never {
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { signal(number, SIG_IGN) }
    run(readingFrom: STDIN_FILENO)
    exit(0)
  }

  /// Reads lines to the end of file, then kills every group that was added and not removed.
  ///
  /// Blocks its thread: it is meant for a process that does nothing else.
  package static func run(readingFrom input: Int32) {
    var groups = Groups()
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(input, &buffer, buffer.count)
      if count > 0 {
        groups.take(buffer[..<count])
      } else if count == 0 || errno != EINTR {
        break
      }
    }
    for group in groups.living { kill(-group, SIGKILL) }
  }

  /// The groups that are alive, out of the lines read so far.
  package struct Groups {
    /// Added and not removed.
    package private(set) var living: Set<Int32> = []
    private var line: [UInt8] = []

    /// No group yet.
    package init() {}

    /// Takes bytes as they come; a line may be split anywhere.
    package mutating func take(_ bytes: some Sequence<UInt8>) {
      for byte in bytes {
        if byte == UInt8(ascii: "\n") {
          takeLine()
          line.removeAll(keepingCapacity: true)
        } else {
          line.append(byte)
        }
      }
    }

    /// Only groups above 1 are ever taken: `kill(-1)` and `kill(0)` would reach every process we
    /// may signal, and our own group.
    private mutating func takeLine() {
      let text = String(decoding: line.dropFirst(), as: UTF8.self)
      guard let group = Int32(text), group > 1 else { return }
      switch line.first {
      case UInt8(ascii: "+"): living.insert(group)
      case UInt8(ascii: "-"): living.remove(group)
      default: break
      }
    }
  }
}
