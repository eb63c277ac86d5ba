import CSQLite

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A read-only connection, on a thread of its own.
final class ReaderConnection {
  let connection: Connection

  /// - Throws: ``StoreError`` `.permission` when there is no such file.
  init(path: String, vfs: String? = nil) throws(StoreError) {
    connection = try Connection(path: path, mode: .reader, vfs: vfs)
    // A reader must never be the second party of the WAL-reset race (reliability.md 1).
    try connection.execute(
      "PRAGMA query_only = 1; PRAGMA mmap_size = 0", doing: "open a reader")
  }

  /// Runs `body` in one read transaction, so that all its queries see one state.
  func snapshot<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
    try connection.execute("BEGIN", doing: "begin reading")
    do throws(StoreError) {
      let value = try body()
      try connection.execute("COMMIT", doing: "end reading")
      return value
    } catch {
      // The first error is the one that matters; ending a read transaction loses nothing.
      try? connection.execute("ROLLBACK", doing: "end reading")
      throw error
    }
  }
}

/// Reader connections and the queue before them.
final class ReaderPool: Sendable {
  private typealias Job = @Sendable (ReaderConnection) -> Void

  private let queue = JobQueue<Job>()
  private let path: String
  private let count: Int
  private let vfs: String?

  init(path: String, count: Int, vfs: String?) {
    self.path = path
    self.count = max(count, 1)
    self.vfs = vfs
  }

  /// Opens the connections and starts their threads: all, or none.
  func start() throws(StoreError) -> [pthread_t] {
    var threads: [pthread_t] = []
    do throws(StoreError) {
      for index in 0..<count { threads.append(try startReader(index)) }
    } catch {
      queue.close()
      endThreads(threads)
      throw error
    }
    return threads
  }

  private func startReader(_ index: Int) throws(StoreError) -> pthread_t {
    let connection = Handover(try ReaderConnection(path: path, vfs: vfs))
    let thread = startThread(named: "orgloop-read-\(index)") { [queue] in
      while let job = queue.takeOne() { job(connection.connection) }
    }
    guard let thread else { throw StoreError.system("start a reader's thread") }
    return thread
  }

  /// Lets the threads end when what waits is answered; ``read(_:)`` answers `.closed` from now on.
  func close() { queue.close() }

  /// Runs `body` on the first thread that is free, in the order of the calls.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (ReaderConnection) throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
      let job: Job = { reader in
        do throws(StoreError) {
          continuation.resume(returning: .success(try body(reader)))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
      if !queue.push(job) {
        continuation.resume(returning: .failure(StoreError(.closed, "the database is closed")))
      }
    }
    return try result.get()
  }

  /// Carries a connection to the thread that owns it from then on.
  // Only the thread that it is handed to ever reads it.
  private final class Handover: @unchecked Sendable {
    let connection: ReaderConnection
    init(_ connection: ReaderConnection) { self.connection = connection }
  }
}
