import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The database of a runtime: one writer, several readers, and the rules of design.md 4.
///
/// Every method that writes is one transaction, shared with whatever else is waiting; it returns
/// when the transaction is on the disk. Every method that reads sees what is committed.
package final class EventStore: Sendable {
  /// As it was given, symbolic links and all.
  package let path: String
  /// What the ids of this file are made with.
  package let identity: Identity
  /// The key of this file's hashes of substituted values.
  package let hashKey: [UInt8]
  private let writer: Writer
  /// The same file, for the lanes.
  package let reader: StoreReader
  /// The same file, for people who look: a long query of theirs must not make a lane wait.
  package let inspection: StoreReader
  private let hooks = QueueHooks()
  private let threads: Mutex<[pthread_t]>
  private let location: StoreLocation

  /// What differs between a program, its tests and its metrics.
  package struct Options: Sendable {
    /// The name of a registered VFS; nil for the system's.
    package var vfs: String?
    /// Queries that may run at once, each on a thread of its own.
    package var readerCount = 2
    /// Draws the random bits of a new file's ids.
    package var random: @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    /// Told on the writer's thread, for metrics and tests; must not block.
    package var observer: @Sendable (WriterEvent) -> Void = { _ in }
    /// The number that statfs(2) would give; nil asks the system. For tests.
    package var fileSystemType: Int64?
    /// Pages of the write-ahead log from which on the writer moves it into the database.
    package var logPagesMax = WriteAheadLog.pagesMax
    /// Only for tests, which show with less than `full` that their power cuts find what it loses.
    package var durability = Durability.full

    package init() {}
  }

  /// What `PRAGMA synchronous` is set to: when a commit has reached the disk.
  package enum Durability: Int64, Sendable, CaseIterable {
    /// Whenever the system likes.
    case off = 0
    /// At the next checkpoint.
    case normal = 1
    /// Before it is reported.
    case full = 2
  }

  /// Opens the database for writing, making it when it is not there.
  ///
  /// Blocks: opening, migrating and syncing the directory are disk work. Call it before anything
  /// runs, not from the cooperative pool under load.
  ///
  /// - Throws: ``StoreError`` `.locked` when another runtime holds it, `.networkFileSystem`,
  ///   `.newerSchema`, `.alteredSchema`, `.notADatabase`, `.permission`, `.diskFull`, `.corrupt`,
  ///   `.inputOutput`.
  package init(path: String, options: Options = Options()) throws(StoreError) {
    let named = StoreLocation(path: path)
    try named.makeDirectory()
    let location = named.resolved()
    try location.refuseNetworkFileSystem(type: options.fileSystemType)
    let lock = LockHolder(try StoreLock(database: location.path))
    try location.makeFile()
    let connection = try Connection(path: location.path, mode: .writer, vfs: options.vfs)
    let schema = Schema(connection)
    try schema.refuseForeign()
    try schema.configure(durability: options.durability)
    try schema.migrate()
    let identity = try schema.identity(random: options.random)
    hashKey = try schema.hashKey(random: options.random)
    let log = WriteAheadLog(pagesMax: min(options.logPagesMax, location.logPagesMax))
    log.attach(to: connection)
    let writing = try WriterConnection(connection, identity: identity, hooks: hooks)
    try location.syncDirectory()
    CrashPoint.storeOpened.reached()
    reader = try StoreReader(
      path: location.path, readerCount: options.readerCount, vfs: options.vfs)
    inspection = try StoreReader(path: location.path, vfs: options.vfs)
    writer = Writer(observer: options.observer)
    self.path = path
    self.identity = identity
    self.location = location
    threads = Mutex([])
    try startThread(Handover(writing, log, lock))
  }

  /// Like ``close()``: the writer's thread keeps nothing alive but itself, and would wait for ever.
  deinit { close() }

  private func startThread(_ handover: Handover) throws(StoreError) {
    let thread = Store.startThread(named: "orgloop-writer") { [writer] in
      writer.run(handover.connection, log: handover.log)
    }
    guard let thread else {
      throw StoreError.system("start the writer's thread")
    }
    threads.withLock { $0 = [thread] }
  }

  /// Writes what is waiting, checkpoints, closes, and lets go of the lock. Blocks until that is
  /// done; later calls return at once.
  ///
  /// Called by a completion, on the writer's own thread, it returns before that thread has ended.
  package func close() {
    writer.close()
    // Readers first: one that holds an old snapshot would keep the last checkpoint from the end.
    reader.close()
    inspection.close()
    endThreads(threads.withLock { $0.taken() })
  }

  /// Whether there is room for more events. False leaves the rest of the disk to settling what
  /// was accepted, so that a full disk never becomes a resend storm (reliability.md 1).
  package var hasRoom: Bool {
    guard let space = location.space() else { return true }
    return space.free > space.reserve
  }

  // MARK: Writing

  /// Writes in the next group; `completion` runs on the writer's thread, in commit order.
  ///
  /// - Parameter keepsFill: It counts for itself what it does to queues, or does nothing to them.
  func submit<Value: Sendable>(
    keepsFill: Bool = false,
    _ perform: @escaping @Sendable (WriterConnection) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    let box = ResultBox<(value: Value, news: QueueNews)>()
    writer.submit(
      WriteOperation(
        perform: { connection throws(StoreError) in
          connection.news = QueueNews()
          let value = try perform(connection)
          if !keepsFill { try connection.countAnew() }
          box.value = (value, connection.news)
        },
        finish: { [hooks] error in
          if let error {
            completion(.failure(error))
          } else if let (value, news) = box.value {
            hooks.tell(news)
            completion(.success(value))
          }
        }))
  }

  /// Writes in the next group and returns when it is on the disk.
  func write<Value: Sendable>(
    keepsFill: Bool = false,
    _ perform: @escaping @Sendable (WriterConnection) throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    let result = await withCheckedContinuation { continuation in
      submit(keepsFill: keepsFill, perform) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// Moves the log into the database, which makes a database that has been vacuumed shorter.
  package func checkpoint() async throws(StoreError) {
    writer.requestCheckpoint()
    // It follows the first of these groups; when the second is written it has been made.
    for _ in 0..<2 { try await write(keepsFill: true) { _ in } }
  }

  /// Stores events with their deliveries and their source's checkpoint: all, or nothing.
  ///
  /// - Parameter completion: Called on the writer's thread, in the order of the events' numbers.
  ///   ``StoreError`` `.queueFull` when a queue that blocks is full, and the batch can be held back.
  package func accept(
    _ batch: AcceptBatch,
    completion: @escaping @Sendable (Result<[AcceptReceipt], StoreError>) -> Void
  ) {
    submit(keepsFill: true) { connection throws(StoreError) in
      // Nothing is written yet, so the group's other operations need not be written again.
      if let full = try connection.blocking(batch) { return Acceptance.heldBack(full) }
      return .accepted(try connection.accept(batch))
    } completion: { result in
      completion(result.flatMap(\.receipts))
    }
  }

  /// Records the beginning of attempts; their actors may be called only afterwards.
  ///
  /// - Parameter completion: Told which deliveries have left the queue meanwhile: no attempt of
  ///   theirs has begun.
  package func start(
    _ records: [StartRecord], paces: [LanePace] = [],
    completion: @escaping @Sendable (Result<[Int64], StoreError>) -> Void
  ) {
    submit(
      keepsFill: true,
      { connection throws(StoreError) in try connection.start(records, paces: paces) },
      completion: completion)
  }

  /// Records outcomes and accepts follow-up events, in one transaction.
  package func settle(
    _ records: [SettleRecord],
    completion: @escaping @Sendable (Result<[[AcceptReceipt]], StoreError>) -> Void
  ) {
    submit(
      keepsFill: true,
      { connection throws(StoreError) in try connection.settle(records) }, completion: completion)
  }

  // MARK: Bounds of queues

  /// Sets what bounds a queue from now on. What is parked because it was full moves up if there is
  /// room now.
  package func bound(_ lane: Int64, to bound: QueueBound?) {
    submit(keepsFill: true) { connection throws(StoreError) in
      try connection.bound(lane, bound)
    } completion: { _ in
      // What cannot be written now is counted, and moves up, at the queue's next start.
    }
  }

  /// The queues that hold their sources back, as of the last commit.
  package var blockingLanes: Set<Int64> { hooks.blockingLanes }

  /// Whom to tell what happened to queues; on the writer's thread, before the completion of what
  /// did it.
  package func onQueueNews(_ body: @escaping @Sendable (QueueNews) -> Void) {
    hooks.use(news: body)
  }

  /// Who makes the event that tells of a full queue; on the writer's thread, and only with what it
  /// has in memory. Its second argument is the time in milliseconds since 1970.
  package func onOverflow(
    _ body: @escaping @Sendable (QueueOverflow, Int64) -> AcceptRecord?
  ) {
    hooks.use(notice: body)
  }

  // MARK: Reading

  /// Runs a query on a reader's thread, in a read transaction of its own.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (ReaderConnection) throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    try await reader.read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in try body(reader) }
    }
  }
}

/// What became of a batch.
private enum Acceptance: Sendable {
  case accepted([AcceptReceipt])
  case heldBack(QueueOverflow)

  var receipts: Result<[AcceptReceipt], StoreError> {
    switch self {
    case .accepted(let receipts): .success(receipts)
    case .heldBack(let full):
      .failure(
        StoreError(
          .queueFull, "a queue is full: it has \(full.depth) deliveries or more",
          overflow: full))
    }
  }
}

/// Carries a result from the writer's transaction to its completion.
// Both run on the writer's thread, one after the other.
private final class ResultBox<Value>: @unchecked Sendable {
  var value: Value?
}

/// Carries what the writer's thread owns from the thread that opened it.
///
/// The lock is part of it: it is released when the thread has written its last, even where nobody
/// waited for that.
// Nothing else keeps a reference: `init` drops its own when it returns.
private final class Handover: @unchecked Sendable {
  // In this order they end: the connection, then what its hook points to, then the lock.
  let connection: WriterConnection
  let log: WriteAheadLog
  private let lock: LockHolder

  init(_ connection: WriterConnection, _ log: WriteAheadLog, _ lock: LockHolder) {
    self.connection = connection
    self.log = log
    self.lock = lock
  }
}

/// Makes the lock a reference, so that whoever holds the last one releases it.
final class LockHolder: Sendable {
  private let lock: StoreLock
  init(_ lock: consuming StoreLock) { self.lock = lock }
}
