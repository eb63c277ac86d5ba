import Engine
import HTTPTypes

/// What a request is answered with, complete before the first byte is written.
struct Answer: Sendable {
  var status: HTTPResponse.Status
  var fields: HTTPFields
  var body: [UInt8]

  init(_ status: HTTPResponse.Status, json body: [UInt8]) {
    self.status = status
    fields = [.contentType: "application/json"]
    self.body = body
  }

  init(_ status: HTTPResponse.Status = .ok, json value: JSONValue) {
    self.init(status, json: JSONText(value).bytes)
  }

  /// An error as `application/problem+json` (cli-http.md 3.1).
  ///
  /// - Parameters:
  ///   - detail: A fixed text or one of the gateway's; never a piece of the request.
  ///   - code: In place of the usual one for the status.
  ///   - hint: What an operator can do; one of the gateway's.
  ///   - errors: Everything that is wrong, when there are several things.
  static func problem(
    _ status: HTTPResponse.Status, _ detail: String, code: String? = nil, hint: String? = nil,
    errors: [JSONValue]? = nil
  ) -> Answer {
    var object: JSONObject = [
      "type": "about:blank",
      "title": .string(status.reasonPhrase),
      "status": JSONValue(status.code),
      "detail": .string(detail),
      "error": .string(detail),
      "code": .string(code ?? Answer.code(of: status)),
    ]
    object["hint"] = hint.map(JSONValue.string)
    object["errors"] = errors.map(JSONValue.array)
    var answer = Answer(status, json: .object(object))
    answer.fields[.contentType] = "application/problem+json"
    return answer
  }

  /// A refusal that time may cure.
  static func retryLater(
    _ status: HTTPResponse.Status, afterSeconds seconds: Int, _ detail: String
  ) -> Answer {
    var answer = problem(status, detail)
    answer.fields[.retryAfter] = String(seconds)
    return answer
  }

  static func methodNotAllowed(allowed: [HTTPRequest.Method]) -> Answer {
    var answer = problem(.methodNotAllowed, "Method not allowed")
    answer.fields[.allow] = allowed.map(\.rawValue).joined(separator: ", ")
    return answer
  }

  static let notFound = problem(.notFound, "Not found")
  static let bodyTooLarge = problem(.contentTooLarge, "Body too large")

  /// What an error thrown by the gateway means to a caller.
  ///
  /// An ``EngineError`` of a kind the caller can act on keeps its text, which names no input and
  /// no secret (style.md rule 14). Everything else is our fault and becomes one fixed text: a
  /// path, a query or an address must not leave the process (reliability.md 4, C12).
  ///
  /// - Returns: Nil for an error that is ours; the caller logs it and answers ``internalFault``.
  static func refusal(for error: EngineError) -> Answer? {
    switch error.code {
    case .invalid: problem(.unprocessableContent, error.message, hint: error.hint)
    case .notFound: problem(.notFound, error.message, hint: error.hint)
    case .moduleNotFound:
      problem(.notFound, error.message, code: "MODULE_NOT_FOUND", hint: error.hint)
    case .conflict: problem(.conflict, error.message, hint: error.hint)
    case .unavailable: retryLater(.serviceUnavailable, afterSeconds: 5, error.message)
    case .blocked: retryLater(.serviceUnavailable, afterSeconds: 5, error.message)
    case .full: retryLater(.insufficientStorage, afterSeconds: 60, error.message)
    case .closed: retryLater(.serviceUnavailable, afterSeconds: 5, "The runtime is stopping")
    default: nil
    }
  }

  /// A configuration that cannot be used, with everything that is wrong with it.
  init(_ refusal: ConfigurationRefusal) {
    self = .problem(
      .unprocessableContent, refusal.message, code: "CONFIG_ERROR", errors: refusal.errors)
  }

  static let internalFault = problem(.internalServerError, "Internal error")

  /// The code of cli-http.md 1.3 that the command line prints for a status.
  private static func code(of status: HTTPResponse.Status) -> String {
    switch status.code {
    case 401, 403: "PERMISSION"
    case 404: "NOT_FOUND"
    case 408, 429: "TRY_AGAIN"
    case 409: "MODULE_CONFLICT"
    case 422: "SCHEMA_ERROR"
    case 503: "UNAVAILABLE"
    case 507: "IO_ERROR"
    case 500...: "RUNTIME_ERROR"
    default: "USAGE"
    }
  }
}

extension HTTPResponse.Status {
  /// The registered phrase is missing in HTTPTypes.
  static let insufficientStorage = HTTPResponse.Status(
    code: 507, reasonPhrase: "Insufficient Storage")
}
