import CFaultVFS
import Synchronization

/// A disk that fails on demand; see `fault_vfs.h`. Any number may exist, one per test.
// The pointer is set in init, and what it points to has a lock of its own.
final class FaultDisk: @unchecked Sendable {
  enum Call: Int32, CaseIterable {
    case writeDatabase, writeLog, writeOther, syncDatabase, syncLog, syncOther
    case truncate, open, delete
  }

  enum Fault: Int32, CaseIterable, Sendable {
    case inputOutput, full, busy, shortWrite
  }

  /// The name to open a store with.
  let name: String
  private let disk: OpaquePointer

  init() throws {
    name = "fault-\(FaultDisk.made.add(1, ordering: .relaxed).newValue)"
    guard let disk = orgloop_fault_disk_create(name) else { throw Unavailable() }
    self.disk = disk
  }

  // Every file on it has been closed: the stores of a test end before its disk.
  deinit { orgloop_fault_disk_destroy(disk) }

  private static let made = Atomic(0)
  struct Unavailable: Error {}

  /// Fails the Nth counted call from now on, and all after it when it is permanent.
  func fail(_ nth: Int, _ fault: Fault, permanently: Bool) {
    orgloop_fault_disk_fail(disk, nth, fault.rawValue, permanently ? 1 : 0)
  }

  func heal() { orgloop_fault_disk_heal(disk) }

  func count(_ call: Call) -> Int { orgloop_fault_disk_count(disk, call.rawValue) }
  var total: Int { orgloop_fault_disk_total(disk) }
  var failures: Int { orgloop_fault_disk_failures(disk) }
}
