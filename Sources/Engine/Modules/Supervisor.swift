import Synchronization

/// Owns work that begins at any time: everything started here is awaited by ``run()``.
final class Supervisor: Sendable {
  /// One piece of work.
  final class Job: Sendable {
    fileprivate let body: (@Sendable () async -> Void)?
    fileprivate let cancelled = StopSignal()
    private let ended = StopSignal()

    fileprivate init(_ body: (@Sendable () async -> Void)?) { self.body = body }

    /// Cancels the work; it still has to end.
    func cancel() { cancelled.set() }

    /// Returns when the work has ended, or the task is cancelled.
    func wait() async { await ended.wait() }

    var isEnded: Bool { ended.isSet }

    /// Stands where a job will be: it has nothing to do and never ends.
    static var unstarted: Job { Job(nil) }

    var isUnstarted: Bool { body == nil }

    fileprivate func run() async {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.body?() }
        group.addTask { await self.cancelled.wait() }
        await group.next()
        group.cancelAll()
      }
      ended.set()
    }

    fileprivate func refuse() { ended.set() }
  }

  private let continuation: AsyncStream<Job>.Continuation
  private let jobs: AsyncStream<Job>
  private let isOpen = Mutex(true)

  init() { (jobs, continuation) = AsyncStream.makeStream() }

  /// Begins work as soon as ``run()`` runs. After ``finish()`` nothing begins any more, and the job
  /// has ended at once.
  func start(_ body: @escaping @Sendable () async -> Void) -> Job {
    let job = Job(body)
    isOpen.withLock { isOpen in
      if isOpen { continuation.yield(job) } else { job.refuse() }
    }
    return job
  }

  /// Works until ``finish()`` and until everything has ended. When it is cancelled, so is all work.
  func run() async {
    await withDiscardingTaskGroup { group in
      for await job in jobs { group.addTask { await job.run() } }
      // A cancelled wait for jobs comes here too; whoever starts something now is refused.
      finish()
    }
  }

  /// Nothing more begins.
  func finish() {
    isOpen.withLock { isOpen in
      isOpen = false
      continuation.finish()
    }
  }
}
