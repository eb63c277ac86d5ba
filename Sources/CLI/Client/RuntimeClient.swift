import AsyncHTTPClient
import Engine
import NIOCore
import NIOHTTP1

/// Asks a running runtime through its Unix socket.
struct RuntimeClient: Sendable {
  private let http: HTTPClient
  let socketPath: String

  /// 64 MiB: a thousand events of a few KB with room to spare.
  private static let answerBytesMax = 64 << 20

  struct Answer: Sendable {
    let status: Int
    let body: JSONValue
    /// The cursor of the next page.
    let next: String?
  }

  /// - Returns: What `body` returns with a client, or with nil when no runtime answers.
  static func withRuntime<Value: Sendable>(
    of database: String, _ body: (RuntimeClient?) async throws -> Value
  ) async throws -> Value {
    var configuration = HTTPClient.Configuration()
    // A socket that a crash left behind refuses at once; asking it again only takes time.
    configuration.connectionPool.retryConnectionEstablishment = false
    let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let value: Value
    do {
      value = try await body(await find(database, http))
    } catch {
      // The command failed for another reason, which matters more.
      try? await http.shutdown()
      throw error
    }
    try await http.shutdown()
    return value
  }

  /// - Throws: ``Failure`` when no runtime answers, and what `body` throws.
  static func withRunning<Value: Sendable>(
    of database: String, _ body: (RuntimeClient) async throws -> Value
  ) async throws -> Value {
    try await withRuntime(of: database) { client in
      guard let client else {
        try refuseForbiddenSocket(of: database)
        throw Failure(
          .unavailable, .unavailable, "no runtime is running for \(database)",
          hint: "orgloop start starts one")
      }
      return try await body(client)
    }
  }

  /// What looks like no runtime may be one that this user cannot reach; then what the database says
  /// is not what runs.
  ///
  /// - Throws: ``Failure``, 77.
  static func refuseForbiddenSocket(of database: String) throws {
    let socket = SocketPath.path(
      database: database, runtimeDirectory: Surroundings.variable("XDG_RUNTIME_DIR"))
    guard FileStatus.isForbidden(socket) else { return }
    throw Failure(
      .permission, .permission, "this user may not use the socket \(socket)",
      hint: "runtime.control.socket_group names a group whose members may")
  }

  private static func find(_ database: String, _ http: HTTPClient) async -> RuntimeClient? {
    let usual = SocketPath.path(
      database: database, runtimeDirectory: Surroundings.variable("XDG_RUNTIME_DIR"))
    let client = RuntimeClient(http: http, socketPath: usual)
    if await client.answers() { return client }
    // A runtime with another environment may have put its socket elsewhere; its row says where.
    // A database that cannot be read says nothing; whoever needs it reports that.
    guard let record = try? await Database(path: database).lastRuntime(),
      let path = record.socketPath, path != usual
    else { return nil }
    let other = RuntimeClient(http: http, socketPath: path)
    return await other.answers() ? other : nil
  }

  /// Whether a runtime answers there. Not answering within 5 s is not answering.
  func answers() async -> Bool {
    guard FileStatus.exists(socketPath) else { return false }
    do {
      return try await send("GET", "/livez", timeout: .seconds(5)).status == 200
    } catch {
      return false
    }
  }

  func get(_ path: String) async throws -> Answer { try await checked("GET", path) }

  func post(
    _ path: String, _ body: [UInt8], headers: [(String, String)] = []
  ) async throws -> Answer {
    try await checked("POST", path, body: body, headers: headers)
  }

  /// Orders something of the control API and waits until it is done.
  ///
  /// - Parameter drainMs: How long deliveries may take meanwhile; the usual limit if nil.
  func order(
    _ path: String, _ body: JSONObject, drainMs: Int64? = nil
  ) async throws -> JSONValue {
    let limit = RuntimeClient.orderLimit + .milliseconds(drainMs ?? 0)
    return try await checked(
      "POST", "/control/" + path, body: JSONText(.object(body)).bytes, limit: limit
    ).body
  }

  /// Orders something of the read API's neighbours, `/api/…`.
  func change(_ path: String, _ body: JSONObject) async throws -> JSONValue {
    try await checked(
      "POST", "/api/" + path, body: JSONText(.object(body)).bytes, limit: RuntimeClient.orderLimit
    ).body
  }

  /// 5 min: an order may have to wait for the one before it, and both for deliveries.
  private static let orderLimit = TimeAmount.minutes(5)

  /// - Throws: ``Failure`` with the runtime's own words when it refuses.
  private func checked(
    _ method: String, _ path: String, body: [UInt8] = [], headers: [(String, String)] = [],
    limit: TimeAmount = .seconds(60)
  ) async throws -> Answer {
    let answer: Answer
    do {
      answer = try await send(method, path, body: body, headers: headers, timeout: limit)
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .unavailable, .unavailable, "the runtime does not answer on \(socketPath)",
        hint: "orgloop status shows whether it runs")
    }
    guard (200...299).contains(answer.status) else { throw RuntimeClient.refusal(answer) }
    return answer
  }

  private static func refusal(_ answer: Answer) -> Failure {
    let text = answer.body["detail"]?.string ?? "the runtime answered \(answer.status)"
    var failure =
      switch answer.status {
      case 400: Failure(.usage, .usage, text)
      case 401, 403: Failure(.permission, .permission, text)
      case 404: Failure(.notFound, .failed, text)
      case 409: Failure(.conflict, .failed, text)
      case 413, 422: Failure(.schema, .failed, text)
      case 429, 503: Failure(.tryAgain, .tryAgain, text)
      case 507: Failure(.inputOutput, .inputOutput, text)
      default: Failure(.runtime, .failed, text)
      }
    // The runtime's own code says more than the status, where it is one of ours.
    switch answer.body["code"]?.string {
    case "CONFIG_ERROR":
      failure.code = .configuration
      failure.exit = .configuration
    case "MODULE_NOT_FOUND": failure.code = .moduleNotFound
    default: break
    }
    failure.hint = answer.body["hint"]?.string
    failure.details = answer.body["errors"]?.array ?? []
    failure.status = answer.status
    return failure
  }

  private func send(
    _ method: String, _ path: String, body: [UInt8] = [], headers: [(String, String)] = [],
    timeout: TimeAmount
  ) async throws -> Answer {
    var request = HTTPClientRequest(
      url: "http+unix://\(URLText.encode(socketPath))\(path)")
    request.method = .init(rawValue: method)
    // The client's own would be the socket's path, which is no host name.
    request.headers.add(name: "host", value: "localhost")
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if method == "POST" {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(body)
    }
    let response = try await http.execute(request, timeout: timeout)
    let bytes = try await response.body.collect(upTo: RuntimeClient.answerBytesMax)
    let text = try JSONText(checking: Array(bytes.readableBytesView), limits: .trusted)
    return Answer(
      status: Int(response.status.code), body: text.value(),
      next: response.headers.first(name: "link").flatMap(URLText.cursor))
  }
}

/// The few things that URLs need.
enum URLText {
  /// Percent-encodes everything but letters, digits, `-`, `.`, `_` and `~`.
  static func encode(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        String(Unicode.Scalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  /// `?a=1&b=2` of the pairs that have a value; empty when none has.
  static func query(_ pairs: [(String, String?)]) -> String {
    let given = pairs.compactMap { name, value in value.map { "\(name)=\(encode($0))" } }
    return given.isEmpty ? "" : "?" + given.joined(separator: "&")
  }

  /// The `after` of a `Link: <…>; rel="next"`; cursors are digits and need no decoding.
  static func cursor(_ link: String) -> String? {
    guard let start = link.firstRange(of: "after=")?.upperBound else { return nil }
    return String(link[start...].prefix { $0 != ">" && $0 != "&" })
  }
}
