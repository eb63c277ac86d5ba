import Dispatch
import Foundation

/// What a user hands to a command in a file or on stdin.
enum InputFile {
  /// 8 MiB: twice what an event may be, so that the runtime itself says what is too large.
  private static let bytesMax = 8 << 20

  /// - Parameter name: A path, or `-` for stdin.
  /// - Throws: ``Failure`` when it cannot be read or is too large.
  static func read(_ name: String) async throws -> [UInt8] {
    // On a thread of its own: stdin may keep us waiting.
    let data = await withCheckedContinuation { continuation in
      DispatchQueue(label: "orgloop.input").async {
        let handle = name == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: name)
        // Why a file cannot be read makes no difference to what the user is told.
        continuation.resume(returning: try? handle?.read(upToCount: bytesMax + 1) ?? Data())
      }
    }
    guard let data, name == "-" || FileStatus.exists(name) else {
      throw Failure(.inputOutput, .inputOutput, "cannot read \(name)")
    }
    guard data.count <= bytesMax else {
      throw Failure(.schema, .failed, "\(name) is larger than 8 MiB")
    }
    return Array(data)
  }
}
