import Engine
import Synchronization

/// Counts wrong tokens by remote address, so that guessing one takes longer than it is worth
/// (reliability.md 4, C11).
///
/// While an address is held back, its right tokens are refused too; otherwise it could go on
/// guessing at full speed and would only miss the explanation. The Unix socket remains open to
/// an operator whom a neighbour locks out.
final class TokenThrottle: Sendable {
  private struct Window {
    var endsMs: Int64
    var wrongCount: Int
  }

  /// 4,096: a table of about 300 KiB; beyond it, windows that have ended make room, and if none
  /// has, the one that ends first.
  private static let addressesMax = 4_096

  private let wrongMax: Int
  private let windowMs: Int64
  private let time: TimeSource
  private let windows = Mutex<[String: Window]>([:])

  init(wrongMax: Int, windowMs: Int64, time: TimeSource) {
    self.wrongMax = wrongMax
    self.windowMs = windowMs
    self.time = time
  }

  /// How long the address has to wait before a token is looked at again; nil when it need not.
  func secondsToWait(_ address: String) -> Int? {
    let nowMs = time.monotonicMs
    return windows.withLock { windows in
      guard let window = windows[address], window.wrongCount >= wrongMax, window.endsMs > nowMs
      else { return nil }
      return Int((window.endsMs - nowMs + 999) / 1_000)
    }
  }

  func countWrong(_ address: String) {
    let nowMs = time.monotonicMs
    windows.withLock { windows in
      if var window = windows[address], window.endsMs > nowMs {
        window.wrongCount += 1
        windows[address] = window
        return
      }
      if windows.count >= TokenThrottle.addressesMax { makeRoom(in: &windows, nowMs: nowMs) }
      windows[address] = Window(endsMs: nowMs + windowMs, wrongCount: 1)
    }
  }

  private func makeRoom(in windows: inout [String: Window], nowMs: Int64) {
    windows = windows.filter { $0.value.endsMs > nowMs }
    guard windows.count >= TokenThrottle.addressesMax,
      let first = windows.min(by: { $0.value.endsMs < $1.value.endsMs })
    else { return }
    windows[first.key] = nil
  }
}
