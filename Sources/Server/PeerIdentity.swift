import Dispatch
import Engine
import NIOCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds out which user is at the other end of a connection to the Unix socket.
///
/// The kernel says who connected; nothing that the peer sends can change it.
/// Source: unix(7), `SO_PEERCRED`.
final class PeerIdentity: Sendable {
  /// A name service may ask the network, and it is asked for one name at a time.
  private let queue = DispatchQueue(label: "orgloop.users")
  private let names = Mutex<[UInt32: String]>([:])

  /// 256 users: more share no host of ours, and beyond it names are only looked up again.
  private static let namesMax = 256

  /// The same layout as `struct ucred`: pid, uid, gid.
  private typealias Credentials = (Int32, UInt32, UInt32)

  /// The user's name, `uid 1001` for one without a name, `unknown` when the peer is gone already.
  func caller(at channel: any Channel) async -> Caller {
    let userID = await PeerIdentity.userID(at: channel)
    guard let userID else { return Caller(name: "unknown") }
    return Caller(name: await name(of: userID))
  }

  private static func userID(at channel: any Channel) async -> UInt32? {
    #if os(Linux)
      guard let socket = channel as? any SocketOptionProvider else { return nil }
      let option: EventLoopFuture<Credentials> = socket.unsafeGetSocketOption(
        level: SocketOptionLevel(SOL_SOCKET), name: SocketOptionName(SO_PEERCRED))
      // It fails when the connection is closed: then nobody reads the answer either.
      return try? await option.get().1
    #else
      return nil
    #endif
  }

  private func name(of userID: UInt32) async -> String {
    if let name = names.withLock({ $0[userID] }) { return name }
    let name = await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: PeerIdentity.lookUp(userID)) }
    }
    guard let name else { return "uid \(userID)" }
    names.withLock { names in
      if names.count >= PeerIdentity.namesMax { names.removeAll() }
      names[userID] = name
    }
    return name
  }

  /// Blocks. Nil for a user without a name, which may get one later and is not remembered.
  private static func lookUp(_ userID: UInt32) -> String? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    guard getpwuid_r(userID, &entry, &buffer, buffer.count, &found) == 0, let found,
      let name = found.pointee.pw_name
    else { return nil }
    return String(cString: name)
  }
}
