import Synchronization

/// Messages for one reader. Posting never waits; the first message after a ``take()`` wakes the
/// reader, who takes everything that is there.
final class Mailbox<Message: Sendable>: Sendable {
  private let messages = Mutex<[Message]>([])
  private let signal: AsyncStream<Void>.Continuation
  /// One element for any number of posts since the last.
  let wakeUps: AsyncStream<Void>

  init() {
    (wakeUps, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func post(_ message: Message) {
    let wasEmpty = messages.withLock { messages in
      messages.append(message)
      return messages.count == 1
    }
    if wasEmpty { signal.yield() }
  }

  /// All messages since the last call, in the order they were posted.
  func take() -> [Message] {
    messages.withLock { messages in
      let taken = messages
      messages.removeAll(keepingCapacity: true)
      return taken
    }
  }
}
