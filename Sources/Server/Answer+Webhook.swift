import Engine
import HTTPTypes

extension Answer {
  /// The HTTP form of what the engine says to a webhook (connectors.md 1.3).
  ///
  /// - Parameter source: The id in the path, for the 404 of the reference; nil for a mounted path.
  init(_ answer: WebhookAnswer, source: String?) {
    switch answer {
    case .accepted(let ids, let isDuplicate, let style):
      self.init(.ok, json: Answer.accepted(ids, isDuplicate: isDuplicate, style))
    case .refused(let status, let text):
      self = .problem(Answer.errorStatus(status), text)
    case .unavailable(let status, let seconds, let text):
      self = .retryLater(Answer.errorStatus(status), afterSeconds: max(1, seconds), text)
    case .ambiguous(let paths):
      self = .problem(
        .conflict, "More than one module has this source: " + paths.joined(separator: ", "))
    case .unknownSource:
      self = source.map(Answer.unknownSource) ?? .notFound
    }
  }

  /// Built as bytes: this is the answer of the hot path.
  private static func accepted(
    _ ids: [String], isDuplicate: Bool, _ style: WebhookReception.AnswerStyle
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.append(raw: #"{"ok":true"#.utf8)
    switch style {
    case .single:
      if let id = ids.first {
        writer.append(raw: #","event_id":"#.utf8)
        writer.append(string: id)
      }
    case .many:
      writer.append(raw: #","events_created":\#(ids.count),"event_ids":"#.utf8)
      writer.append(.array(ids.map(JSONValue.string)))
    case .filtered(let reason):
      writer.append(raw: #","filtered":true,"reason":"#.utf8)
      writer.append(string: reason)
    }
    writer.append(raw: isDuplicate ? #","duplicate":true}"#.utf8 : "}".utf8)
    return writer.bytes
  }

  /// The reference repeats the id; anything that could not be one is not repeated, so that an
  /// answer never carries a stranger's text (reliability.md 4).
  private static func unknownSource(_ id: String) -> Answer {
    let isPlain = id.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
      case UInt8(ascii: "."): true
      default: false
      }
    }
    let text = isPlain && id.utf8.count <= 64 ? "Unknown source: \(id)" : "Unknown source"
    return .problem(.notFound, text)
  }

  /// A gateway that refuses with something that is not an error must not make a sender believe
  /// that its event is stored.
  private static func errorStatus(_ code: Int) -> HTTPResponse.Status {
    switch code {
    case 400: .badRequest
    case 401: .unauthorized
    case 403: .forbidden
    case 404: .notFound
    case 409: .conflict
    case 413: .contentTooLarge
    case 415: .unsupportedMediaType
    case 422: .unprocessableContent
    case 429: .tooManyRequests
    case 503: .serviceUnavailable
    case 507: .insufficientStorage
    case 400...599: HTTPResponse.Status(integerLiteral: code)
    default: .internalServerError
    }
  }
}
