import CPlatform

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A queue between many callers and one thread that blocks.
///
/// SQLite blocks, and a blocking call on the cooperative pool stalls tasks that have nothing to do
/// with it (reliability.md 1), so each connection has a thread of its own and this before it.
// The mutex guards `jobs`, `isClosed` and `wanted`; the pthread objects are made in init, before
// anyone else has a reference, and destroyed in deinit, when nobody has one any more.
final class JobQueue<Job: Sendable>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [Job] = []
  private var isClosed = false
  /// How many jobs the taker is waiting for; 0 when it is not waiting for company.
  private var wanted = 0

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    #if os(Linux)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    #endif
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Adds a job; false when the queue is closed and the job will never run.
  func push(_ job: Job) -> Bool {
    pthread_mutex_lock(mutex)
    let isOpen = !isClosed
    if isOpen { jobs.append(job) }
    // Waking the thread for every arrival would cost more than it saves.
    let isAwaited = jobs.count == 1 || jobs.count == wanted
    pthread_mutex_unlock(mutex)
    if isOpen && isAwaited { pthread_cond_signal(condition) }
    return isOpen
  }

  /// Takes one job, waiting for it; nil when the queue is closed and empty. For several threads.
  func takeOne() -> Job? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while jobs.isEmpty {
      if isClosed { return nil }
      pthread_cond_wait(condition, mutex)
    }
    let job = jobs.removeFirst()
    if !jobs.isEmpty { pthread_cond_signal(condition) }
    return job
  }

  /// Takes what is there, waiting for the first; nil when the queue is closed and empty.
  ///
  /// - Parameters:
  ///   - wanted: With fewer jobs than this, wait a little for company.
  ///   - patienceMicros: How long to wait for company, in microseconds.
  func takeAll(wanted: Int, patienceMicros: Int) -> [Job]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while jobs.isEmpty {
      if isClosed { return nil }
      pthread_cond_wait(condition, mutex)
    }
    if jobs.count < wanted, !isClosed {
      self.wanted = wanted
      waitForCompany(patienceMicros)
      self.wanted = 0
    }
    let taken = jobs
    jobs.removeAll(keepingCapacity: true)
    return taken
  }

  /// After this no job is added; those that are there still run.
  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_mutex_unlock(mutex)
    pthread_cond_broadcast(condition)
  }

  private func waitForCompany(_ patienceMicros: Int) {
    var deadline = timespec()
    #if os(Linux)
      clock_gettime(CLOCK_MONOTONIC, &deadline)
    #else
      clock_gettime(CLOCK_REALTIME, &deadline)
    #endif
    deadline.tv_nsec += patienceMicros * 1_000
    if deadline.tv_nsec >= 1_000_000_000 {
      deadline.tv_sec += 1
      deadline.tv_nsec -= 1_000_000_000
    }
    while jobs.count < wanted, !isClosed {
      if pthread_cond_timedwait(condition, mutex, &deadline) != 0 { return }
    }
  }
}

/// Starts a thread that runs `body` once and ends.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
  final class Start {
    let name: String
    let body: @Sendable () -> Void
    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
  var thread = pthread_t()
  let start = Unmanaged.passRetained(Start(name, body))
  let code = pthread_create(
    &thread, nil,
    { argument in
      guard let argument else { return nil }
      let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
      orgloop_thread_name(start.name)
      start.body()
      return nil
    }, start.toOpaque())
  guard code == 0 else {
    start.release()
    return nil
  }
  return thread
}

/// Waits until threads have ended. One that calls this itself is let go: it cannot wait for itself.
func endThreads(_ threads: [pthread_t]) {
  for thread in threads {
    if pthread_equal(thread, pthread_self()) != 0 {
      pthread_detach(thread)
    } else {
      pthread_join(thread, nil)
    }
  }
}

extension [pthread_t] {
  /// Empties the list, so that each thread is waited for once.
  mutating func taken() -> [pthread_t] {
    defer { self = [] }
    return self
  }
}
