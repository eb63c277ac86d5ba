import Store
import Synchronization

/// The inbox beside a runtime: who asks is answered, and what nobody collects is ended in time.
extension Runtime {
  private var desk: InboxDesk {
    InboxDesk(store, time: time, notice: intake.inboxNotice) { [log] entries in
      for entry in entries { log.emit(entry.phase) { entry } }
    }
  }

  /// As ``InboxDesk/drain(_:module:limit:requester:)``.
  package func drainInbox(
    _ sessionKey: String, module: String?, limit: Int, requester: String
  ) async throws(EngineError) -> JSONValue {
    let (answer, lanes) = try await desk.drained(
      sessionKey, module: module, limit: limit, requester: requester)
    findNotifications(in: lanes)
    return answer
  }

  /// As ``InboxDesk/restore(_:requester:)``.
  package func restoreInbox(
    _ batch: String, requester: String
  ) async throws(EngineError) -> JSONValue {
    let (answer, lanes) = try await desk.restored(batch, requester: requester)
    findNotifications(in: lanes)
    keepInbox()
    return answer
  }

  /// They are in the file and nobody has been offered them.
  private func findNotifications(in lanes: [Int64]) {
    guard !lanes.isEmpty else { return }
    _ = supervisor.start { [self] in await lookAgain(in: lanes) }
  }

  /// Ends entries when their time is over, as long as there are any. Called whenever there may be
  /// new ones.
  func keepInbox() {
    guard isKeepingInbox.exchange(true, ordering: .sequentiallyConsistent) == false else { return }
    _ = supervisor.start { [self] in
      repeat {
        await expireEntries()
        isKeepingInbox.store(false, ordering: .sequentiallyConsistent)
        // One may have been stored after the last look and before this.
      } while await hasEntries()
        && isKeepingInbox.exchange(true, ordering: .sequentiallyConsistent) == false
    }
  }

  private func hasEntries() async -> Bool {
    if stopping.isSet || Task.isCancelled { return false }
    do throws(StoreError) {
      return try await store.inspection.nextInboxExpiry() != nil
    } catch {
      // Nobody knows; `expireEntries` finds out, and says why not if it cannot.
      return true
    }
  }

  private func expireEntries() async {
    // Due times are of the wall clock, which may jump: none is slept for longer than this.
    let pauseMsMax: Int64 = 60_000
    while true {
      var pauseMs = pauseMsMax
      do throws(StoreError) {
        guard let nextMs = try await store.inspection.nextInboxExpiry() else { return }
        let nowMs = time.wallMs
        if nextMs <= nowMs {
          let (expired, lanes) = try await store.expireInbox(
            nowMs: nowMs, limit: Limits.queuePageMax, notice: intake.inboxNotice)
          for key in expired { log.emit(.inboxExpired) { LogEntry(key, atMs: nowMs) } }
          findNotifications(in: lanes)
          continue
        }
        pauseMs = min(nextMs - nowMs, pauseMsMax)
      } catch {
        reportSystemError("inbox entries cannot be ended: \(error)")
      }
      guard await stopping.sleep(ms: pauseMs, time: time) else { return }
    }
  }
}
