import CFaultVFS
import Synchronization

/// A disk that fails on demand and tells what it does; see `fault_vfs.h`. Any number may exist, one
/// per test.
// The pointers are set in init; what the first points to has a lock of its own, and the observer is
// never changed.
package final class FaultDisk: @unchecked Sendable {
  package enum Call: Int32, CaseIterable {
    case writeDatabase, writeLog, writeOther, syncDatabase, syncLog, syncOther
    case truncate, open, delete
  }

  package enum Fault: Int32, CaseIterable, Sendable {
    case inputOutput, full, busy, shortWrite
  }

  /// The name to open a store with.
  package let name: String
  private let disk: OpaquePointer
  private let observer: Observer?

  /// - Parameter observe: Told every change by the thread that made it, right after it.
  package init(observe: (@Sendable (DiskChange) -> Void)? = nil) throws {
    name = "fault-\(FaultDisk.made.add(1, ordering: .relaxed).newValue)"
    guard let disk = orgloop_fault_disk_create(name) else { throw Unavailable() }
    self.disk = disk
    observer = observe.map(Observer.init)
    guard let observer else { return }
    orgloop_fault_disk_observe(
      disk,
      { context, change in
        guard let context, let change = change.flatMap({ DiskChange($0.pointee) }) else { return }
        Unmanaged<Observer>.fromOpaque(context).takeUnretainedValue().observe(change)
      }, Unmanaged.passUnretained(observer).toOpaque())
  }

  // Every file on it has been closed: the stores of a test end before its disk.
  deinit { orgloop_fault_disk_destroy(disk) }

  private static let made = Atomic(0)
  package struct Unavailable: Error {}

  private final class Observer: Sendable {
    let observe: @Sendable (DiskChange) -> Void
    init(_ observe: @escaping @Sendable (DiskChange) -> Void) { self.observe = observe }
  }

  /// Fails the Nth counted call from now on, and all after it when it is permanent.
  package func fail(_ nth: Int, _ fault: Fault, permanently: Bool) {
    orgloop_fault_disk_fail(disk, nth, fault.rawValue, permanently ? 1 : 0)
  }

  package func heal() { orgloop_fault_disk_heal(disk) }

  package func count(_ call: Call) -> Int { orgloop_fault_disk_count(disk, call.rawValue) }
  package var total: Int { orgloop_fault_disk_total(disk) }
  package var failures: Int { orgloop_fault_disk_failures(disk) }
}

/// What a disk did, by the name of the file without its directory.
package enum DiskChange: Sendable, Hashable {
  /// The file is there, empty if it was not there before.
  case open(String)
  case write(String, offset: Int, bytes: [UInt8])
  case truncate(String, length: Int)
  case sync(String)
  case delete(String)
  /// All names of the directory are durable.
  case syncDirectory

  /// Nil for a kind that this does not know.
  init?(_ change: orgloop_fault_change) {
    let path = change.path.map { String(cString: $0) } ?? ""
    let name = path.split(separator: "/").last.map(String.init) ?? path
    switch Int(change.kind) {
    case ORGLOOP_CHANGE_OPEN: self = .open(name)
    case ORGLOOP_CHANGE_WRITE:
      let bytes = UnsafeRawBufferPointer(start: change.bytes, count: Int(change.count))
      self = .write(name, offset: Int(change.offset), bytes: Array(bytes))
    case ORGLOOP_CHANGE_TRUNCATE: self = .truncate(name, length: Int(change.offset))
    case ORGLOOP_CHANGE_SYNC: self = .sync(name)
    case ORGLOOP_CHANGE_DELETE: self = .delete(name)
    case ORGLOOP_CHANGE_SYNC_DIRECTORY: self = .syncDirectory
    default: return nil
    }
  }
}
