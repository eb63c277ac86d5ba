/// Cuts bytes into lines as they arrive.
package struct LineBuffer {
  private var rest: [UInt8] = []
  private var isSkipping = false
  private let bytesMax: Int

  /// A line, or the news that one was too long to keep.
  package enum Line: Sendable, Hashable {
    case text([UInt8])
    case tooLong
  }

  /// - Parameter bytesMax: A longer line is not kept; its end is still found.
  package init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// The lines that these bytes complete, without their line ends and without blank lines.
  package mutating func take(_ bytes: [UInt8]) -> [Line] {
    var lines: [Line] = []
    var start = bytes.startIndex
    while let end = bytes[start...].firstIndex(of: 0x0A) {
      append(bytes[start..<end])
      lines.append(contentsOf: finishLine())
      start = end + 1
    }
    append(bytes[start...])
    return lines
  }

  /// What is left at the end of the stream: a line without its line end.
  package mutating func finish() -> [Line] { finishLine() }

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    guard !isSkipping else { return }
    if rest.count + bytes.count > bytesMax {
      isSkipping = true
      rest.removeAll()
    } else {
      rest.append(contentsOf: bytes)
    }
  }

  private mutating func finishLine() -> [Line] {
    defer {
      rest.removeAll(keepingCapacity: true)
      isSkipping = false
    }
    if isSkipping { return [.tooLong] }
    if rest.last == 0x0D { rest.removeLast() }
    let isBlank = rest.allSatisfy { $0 == 0x20 || $0 == 0x09 }
    return isBlank ? [] : [.text(rest)]
  }
}
