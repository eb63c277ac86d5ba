import Engine
import HTTPTypes

/// The JSON object that comes with a state change; no body at all is an empty one.
///
/// Each getter names the key in its error, never the value: what a caller sent is not repeated.
/// Keys that nobody asks for are ignored, so that older and newer clients get along.
struct ControlBody: Sendable {
  let members: JSONObject

  /// Why a body cannot be used.
  enum Problem: Error, Equatable {
    /// 400.
    case notJSON
    /// 422, with the rule that is broken.
    case invalid(String)
  }

  init(_ bytes: [UInt8]) throws(Problem) {
    guard !bytes.isEmpty else {
      members = JSONObject()
      return
    }
    // Where it is wrong does not matter to somebody who sends a body of a few keys.
    guard let text = try? JSONText(checking: bytes) else { throw .notJSON }
    guard case .object(let object) = text.value() else {
      throw .invalid("the body must be a JSON object")
    }
    members = object
  }

  /// The value of a key; `null` counts as not given.
  private func value(_ key: String) -> JSONValue? {
    guard let value = members[key], !value.isNull else { return Optional.none }
    return value
  }

  func has(_ key: String) -> Bool { value(key) != nil }

  func count(_ key: String, max: Int) throws(Problem) -> Int? {
    guard let value = value(key) else { return nil }
    guard let count = value.int64, (1...Int64(max)).contains(count) else {
      throw .invalid("\(key) must be a number from 1 to \(max)")
    }
    return Int(count)
  }

  /// Per second, from text such as `10/s`.
  func rate(_ key: String) throws(Problem) -> Double? {
    guard let value = value(key) else { return nil }
    guard let rate = value.string.flatMap(RateText.perSecond) else {
      throw .invalid("\(key) must be a rate such as 10/s")
    }
    return rate
  }

  func string(_ key: String) throws(Problem) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string, !text.isEmpty else {
      throw .invalid("\(key) must be a non-empty string")
    }
    return text
  }

  func requiredString(_ key: String) throws(Problem) -> String {
    guard let text = try string(key) else { throw .invalid("\(key) is missing") }
    return text
  }

  func flag(_ key: String) throws(Problem) -> Bool {
    guard let value = value(key) else { return false }
    guard let flag = value.bool else { throw .invalid("\(key) must be true or false") }
    return flag
  }

  /// Milliseconds, from a number of them or from text such as `30s`; ten years at most, so that sums
  /// with a clock cannot overflow.
  func durationMs(_ key: String) throws(Problem) -> Int64? {
    let ms: Int64?
    switch value(key) {
    case nil: return nil
    case .number(let number)?:
      ms = number.int64.flatMap { (0...DurationText.msMax).contains($0) ? $0 : nil }
    case .string(let text)?: ms = DurationText.ms(text)
    default: ms = nil
    }
    guard let ms else {
      throw .invalid(
        "\(key) must be milliseconds or a duration such as 30s, of at most ten years")
    }
    return ms
  }

  /// A number, or text of one, as text.
  func number(_ key: String) throws(Problem) -> String? {
    switch value(key) {
    case nil: return nil
    case .number(let number)?: return number.text
    case .string(let text)?: return text
    default: throw .invalid("\(key) must be a number")
    }
  }

  func strings(_ key: String) throws(Problem) -> [String] {
    guard let value = value(key) else { return [] }
    let texts = value.array?.compactMap(\.string)
    guard let texts, texts.count == value.array?.count else {
      throw .invalid("\(key) must be a list of strings")
    }
    return texts
  }

  /// Values of parameters as text, the way a command line gives them.
  func parameters(_ key: String) throws(Problem) -> [String: String] {
    guard let value = value(key) else { return [:] }
    guard let object = value.object else {
      throw .invalid("\(key) must be a map of strings, numbers and booleans")
    }
    var texts: [String: String] = [:]
    for member in object.members {
      switch member.value {
      case .string(let text): texts[member.key] = text
      case .number(let number): texts[member.key] = number.text
      case .bool(let flag): texts[member.key] = flag ? "true" : "false"
      default: throw .invalid("\(key) must be a map of strings, numbers and booleans")
      }
    }
    return texts
  }

  func removedPolicy(_ key: String) throws(Problem) -> RemovedPolicy {
    guard let value = value(key) else { return .park }
    guard let policy = value.string.flatMap(RemovedPolicy.init(rawValue:)) else {
      let words = RemovedPolicy.allCases.map(\.rawValue).joined(separator: ", ")
      throw .invalid("\(key) must be one of \(words)")
    }
    return policy
  }
}

extension Answer {
  init(_ problem: ControlBody.Problem) {
    switch problem {
    case .notJSON: self = .problem(.badRequest, "The body is not JSON")
    case .invalid(let text): self = .problem(.unprocessableContent, text)
    }
  }
}
