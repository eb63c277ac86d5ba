import CSQLite
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One thing to write, and who waits for it.
struct WriteOperation: Sendable {
  /// Runs inside the group's transaction. May run twice: again on its own when a neighbour failed.
  let perform: @Sendable (WriterConnection) throws(StoreError) -> Void
  /// Called on the writer's thread once it is known: nil when the operation is on the disk.
  let finish: @Sendable (StoreError?) -> Void
}

/// The writer's thread: takes what has arrived, writes it in one transaction, tells everyone.
///
/// What arrives while one group's fsync runs is the next group, so a commit is shared by as many
/// as wait for it (design.md 4, Group commit). It also is the only one that checkpoints.
final class Writer: Sendable {
  private let queue = JobQueue<WriteOperation>()
  private let observer: @Sendable (WriterEvent) -> Void
  private let wantsCheckpoint = Atomic(false)

  /// - Parameter observer: Called on the writer's thread, for metrics and tests.
  init(observer: @escaping @Sendable (WriterEvent) -> Void = { _ in }) {
    self.observer = observer
  }

  /// Adds an operation; tells it that the store is closed when it is.
  func submit(_ operation: WriteOperation) {
    if !queue.push(operation) {
      operation.finish(StoreError(.closed, "the database is closed"))
    }
  }

  /// Lets a checkpoint follow the next group, however short the log is.
  func requestCheckpoint() { wantsCheckpoint.store(true, ordering: .relaxed) }

  /// Lets ``run(_:log:)`` end when what waits is written; later operations are told `.closed`.
  func close() { queue.close() }

  /// Runs until ``close()``, and then until nothing is left to write.
  ///
  /// - Parameter connection: Made on this thread or handed over to it for good.
  func run(_ connection: WriterConnection, log: WriteAheadLog) {
    var previous = 0
    while true {
      // With company expected, 100 µs of patience make groups a fifth larger (design.md 4).
      let wanted = previous >= 8 ? previous : 1
      guard let group = queue.takeAll(wanted: wanted, patienceMicros: 100) else { break }
      previous = group.count
      write(group, connection)
      let isWanted = wantsCheckpoint.exchange(false, ordering: .relaxed)
      log.checkpointIfLarge(connection.connection, orWanted: isWanted, observer: observer)
    }
    CrashPoint.checkpointBegins.reached()
    log.checkpointFully(connection.connection)
    CrashPoint.checkpointDone.reached()
  }

  private func write(_ group: [WriteOperation], _ connection: WriterConnection) {
    do throws(StoreError) {
      try connection.begin()
      CrashPoint.writeBegun.reached()
      for operation in group { try operation.perform(connection) }
      CrashPoint.writePerformed.reached()
      try connection.commit()
    } catch {
      connection.rollback()
      if group.count == 1 || error.spoilsAll {
        for operation in group { operation.finish(error) }
        observer(.failed(operations: group.count, error))
      } else {
        // One of them is at fault: alone, it fails alone.
        for operation in group { write([operation], connection) }
      }
      return
    }
    CrashPoint.writeCommitted.reached()
    observer(.committed(operations: group.count))
    for operation in group { operation.finish(nil) }
    CrashPoint.writeTold.reached()
  }
}

/// What the writer did, for metrics and tests.
package enum WriterEvent: Sendable {
  case committed(operations: Int)
  /// With 0 operations: a checkpoint failed, and nobody lost anything.
  case failed(operations: Int, StoreError)
  /// A checkpoint moved this many pages and left that many in the log.
  case checkpointed(moved: Int, left: Int)
}

extension StoreError {
  /// A failure of the disk or the file, which the next operation would meet as well.
  ///
  /// Only where SQLite says so: a row that breaks a rule of ours is the matter of who met it.
  fileprivate var spoilsAll: Bool {
    sqliteCode != 0
      && [.diskFull, .inputOutput, .corrupt, .busy, .permission, .notADatabase]
        .contains(code)
  }
}

/// The write-ahead log's length, and when to move it into the database.
///
/// `wal_autocheckpoint` is 0: a checkpoint inside a commit made its p99 8 times as long. Between
/// groups it delays nobody who is already waiting for a commit.
/// Source: <https://www.sqlite.org/wal.html#ckpt>
final class WriteAheadLog: @unchecked Sendable {
  // Touched by the writer's thread only: the hook runs inside its commits.
  private var pages: Int32 = 0
  private var pagesAtLastTry: Int32 = 0

  private let pagesMax: Int32

  /// 4000 pages of 8 KiB: about 32 MiB of log, p99 of a commit 1.0 ms (design.md 4).
  static let pagesMax: Int32 = 4_000

  init(pagesMax: Int32 = WriteAheadLog.pagesMax) { self.pagesMax = pagesMax }

  /// Counts the log's pages from now on. This must outlive the connection's last commit.
  func attach(to connection: Connection) {
    sqlite3_wal_hook(
      connection.handle,
      { context, _, _, pages in
        if let context {
          Unmanaged<WriteAheadLog>.fromOpaque(context).takeUnretainedValue().pages = pages
        }
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Moves the log into the database when it is long, as far as readers let it.
  ///
  /// - Parameter isWanted: Also when it is short.
  func checkpointIfLarge(
    _ connection: Connection, orWanted isWanted: Bool = false, observer: (WriterEvent) -> Void
  ) {
    // A reader that holds an old snapshot stops a checkpoint half-way; trying again at every
    // commit would cost a scan each, so the log has to grow by a quarter first.
    let isLarge =
      pages >= pagesMax && (pages < pagesAtLastTry || pages >= pagesAtLastTry + pagesMax / 4)
    guard isLarge || isWanted else { return }
    var total: Int32 = 0
    var moved: Int32 = 0
    // PASSIVE waits for nobody. A failure is nobody's error: the log just stays longer. On a disk
    // that fails, trying at every commit would double the load, so the log has to grow as well.
    let code = sqlite3_wal_checkpoint_v2(
      connection.handle, nil, SQLITE_CHECKPOINT_PASSIVE, &total, &moved)
    guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else {
      pagesAtLastTry = pages
      observer(.failed(operations: 0, connection.error(doing: "checkpoint")))
      return
    }
    pagesAtLastTry = moved < total ? pages : 0
    if moved == total { pages = 0 }
    observer(.checkpointed(moved: Int(moved), left: Int(total - moved)))
  }

  /// Empties the log where no reader needs it; a reader that does may have 2 s to end.
  func checkpointFully(_ connection: Connection) {
    _ = sqlite3_wal_checkpoint_v2(
      connection.handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
  }
}
