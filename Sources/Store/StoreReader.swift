import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The read side of a database: with a runtime or without one, always read-only.
package final class StoreReader: Sendable {
  /// As it was given, symbolic links and all.
  package let path: String
  private let pool: ReaderPool
  private let threads: Mutex<[pthread_t]>

  /// Opens a database that exists. Nothing is written to it, ever.
  ///
  /// - Throws: ``StoreError`` `.permission` when there is no such file or it cannot be read,
  ///   `.newerSchema`, `.notADatabase`.
  package init(path: String, readerCount: Int = 1, vfs: String? = nil) throws(StoreError) {
    self.path = path
    let path = StoreLocation(path: path).resolved().path
    let probe = try ReaderConnection(path: path, vfs: vfs)
    try Schema(probe.connection).refuseUnreadable()
    pool = ReaderPool(path: path, count: readerCount, vfs: vfs)
    threads = Mutex([])
    let started = try pool.start()
    threads.withLock { $0 = started }
  }

  /// Like ``close()``: the threads keep nothing alive but themselves, and would wait for ever.
  deinit { close() }

  /// Ends the readers' threads; blocks until running queries are done.
  package func close() {
    pool.close()
    endThreads(threads.withLock { $0.taken() })
  }

  /// Runs queries on a reader's thread.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (ReaderConnection) throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    try await pool.read(body)
  }
}
