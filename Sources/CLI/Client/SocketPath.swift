#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where the Unix socket of a database's runtime lies (cli-http.md 1.2).
package enum SocketPath {
  /// 107 on Linux: `sun_path` less the closing NUL. Source: unix(7).
  static let bytesMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// Beside the database, with `.sock` instead of `.db`; in `runtimeDirectory` or `/tmp` when that
  /// path is too long for a Unix socket.
  package static func path(database: String, runtimeDirectory: String?) -> String {
    let stem = database.hasSuffix(".db") ? String(database.dropLast(3)) : database
    let beside = stem + ".sock"
    if beside.utf8.count <= bytesMax { return beside }
    let name = "orgloop-\(String(hash(database), radix: 16)).sock"
    if let runtimeDirectory, runtimeDirectory.utf8.count + name.utf8.count < bytesMax {
      return runtimeDirectory + "/" + name
    }
    // Others may write there too: the user's number keeps two users' names apart, and a socket
    // that answers is never taken over.
    return "/tmp/\(getuid())-\(name)"
  }

  /// FNV-1a, 64 bits: the name must be the same in every process.
  /// Source: <https://www.rfc-editor.org/rfc/rfc9923>
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
