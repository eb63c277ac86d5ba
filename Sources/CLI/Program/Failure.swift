package import Engine
import Server

/// Why a command did not do what it was asked to, as the user is told (cli-http.md 1.3 and 1.4).
package struct Failure: Error, Sendable {
  package var code: Code
  package var exit: ExitStatus
  package var message: String
  package var hint: String?
  /// The HTTP status, when a runtime gave the answer.
  package var status: Int?
  /// Diagnostics, as JSON.
  package var details: [JSONValue] = []

  package init(_ code: Code, _ exit: ExitStatus, _ message: String, hint: String? = nil) {
    self.code = code
    self.exit = exit
    self.message = message
    self.hint = hint
  }

  /// What scripts compare with.
  package enum Code: String, Sendable {
    case usage = "USAGE"
    case configuration = "CONFIG_ERROR"
    case schema = "SCHEMA_ERROR"
    case connector = "CONNECTOR_ERROR"
    case delivery = "DELIVERY_ERROR"
    case conflict = "MODULE_CONFLICT"
    case notFound = "NOT_FOUND"
    case moduleNotFound = "MODULE_NOT_FOUND"
    case runtime = "RUNTIME_ERROR"
    case unavailable = "UNAVAILABLE"
    case inputOutput = "IO_ERROR"
    case tryAgain = "TRY_AGAIN"
    case permission = "PERMISSION"
  }

  package var json: JSONValue {
    var object: JSONObject = [
      "code": .string(code.rawValue), "message": .string(message),
      "exit": JSONValue(Int64(exit.rawValue)),
    ]
    object["status"] = status.map { JSONValue($0) }
    object["hint"] = hint.map(JSONValue.string)
    object["details"] = .array(details)
    return ["error": .object(object)]
  }

  /// The failure that ``json`` describes; nil for anything else.
  package init?(_ json: JSONValue) {
    guard let error = json["error"], let message = error["message"]?.string,
      let code = error["code"]?.string.flatMap(Code.init(rawValue:)),
      let exit = error["exit"]?.int64.flatMap({ ExitStatus(rawValue: Int32(clamping: $0)) })
    else { return nil }
    self.init(code, exit, message, hint: error["hint"]?.string)
    status = error["status"]?.int64.map { Int($0) }
    details = error["details"]?.array ?? []
  }
}

/// The exit codes of cli-http.md 1.4.
package enum ExitStatus: Int32, Sendable {
  case done = 0
  case failed = 1
  /// `plan --detailed-exitcode`: there is something to do.
  case changes = 2
  case usage = 64
  case unavailable = 69
  case inputOutput = 74
  case tryAgain = 75
  case permission = 77
  case configuration = 78
}

extension Failure {
  /// What any error means to the user of a command.
  package init(_ error: any Error) {
    switch error {
    case let error as Failure: self = error
    case let error as EngineError: self.init(engine: error)
    case let error as ServerError: self.init(server: error)
    case let error as ConfigurationRefusal:
      self.init(.configuration, .configuration, error.message)
      details = error.errors
    default:
      if let error = EngineError(reading: error) {
        self.init(engine: error)
      } else {
        self.init(.runtime, .failed, "\(error)")
      }
    }
  }

  private init(engine error: EngineError) {
    let text = error.description
    switch error.code {
    case .invalid: self.init(.configuration, .configuration, text, hint: error.hint)
    case .notFound: self.init(.notFound, .failed, text, hint: error.hint)
    case .moduleNotFound: self.init(.moduleNotFound, .failed, text, hint: error.hint)
    case .conflict: self.init(.conflict, .failed, text, hint: error.hint)
    case .unavailable, .closed, .blocked: self.init(.tryAgain, .tryAgain, text, hint: error.hint)
    case .locked: self.init(.tryAgain, .tryAgain, text, hint: error.hint)
    case .permission: self.init(.permission, .permission, text, hint: error.hint)
    case .full, .storage: self.init(.inputOutput, .inputOutput, text, hint: error.hint)
    case .query: self.init(.usage, .usage, text, hint: error.hint)
    default: self.init(.runtime, .failed, text, hint: error.hint)
    }
  }

  private init(server error: ServerError) {
    switch error.code {
    case .addressInUse: self.init(.tryAgain, .tryAgain, error.message, hint: error.hint)
    case .permission: self.init(.permission, .permission, error.message, hint: error.hint)
    case .invalidAddress, .pathTooLong:
      self.init(.configuration, .configuration, error.message, hint: error.hint)
    default: self.init(.inputOutput, .inputOutput, error.message, hint: error.hint)
    }
  }
}
