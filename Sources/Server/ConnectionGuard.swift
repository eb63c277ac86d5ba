import HTTPTypes
import NIOCore
import NIOHTTP1

/// Keeps one connection within its bounds: what heads it accepts, how long a peer may take, and
/// how a connection ends (reliability.md 4, W8, W9, W14 to W16).
///
/// It stands between the HTTP/1 decoder and everything of Hummingbird, so that a request that is
/// refused here has cost no task and no allocation above it. The life of a connection:
///
///     nextRequest ──bytes──▶ restOfHead ──head──▶ body ──end──▶ nextRequest …
///          │                     │                 │
///          └── time-out, refusal, quiesce, last request ──▶ nothing
///
/// Answers run beside this: `answersOwed` requests have been handed on and not been answered.
/// A refusal waits for the answers before it, so that pipelined requests are answered in order.
/// An answer that is finished while its request is still coming in closes the connection, because
/// reading on only to find the next request would be reading without limit.
final class ConnectionGuard: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// What is expected from the peer.
  private enum Input { case nextRequest, restOfHead, body, nothing }

  private let limits: HTTPLimits
  private var input = Input.nextRequest
  private var hasReadPart = false
  /// The beginning of another head has come while a request is being answered.
  private var hasEarlyBytes = false
  private var answersOwed = 0
  private var isAnswerBegun = false
  private var closesAfterAnswer = false
  private var isOutputClosed = false
  private var refusal: (answer: Answer, answersBefore: Int)?
  private var deadline: NIODeadline?
  /// Runs while the peer does not take its answers.
  private var stall: Scheduled<Void>?
  private var timer: (due: NIODeadline, task: Scheduled<Void>)?

  init(limits: HTTPLimits) { self.limits = limits }

  /// Whether the next bytes belong to a request's head.
  var awaitsHead: Bool { input == .nextRequest || input == .restOfHead }
  /// How many heads have come.
  private(set) var headsRead = 0

  // MARK: The connection begins

  func channelActive(context: ChannelHandlerContext) {
    setDeadline(limits.headTimeout, context)
    context.fireChannelActive()
  }

  // MARK: Requests come in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard input != .nothing else { return }
    hasReadPart = true
    switch unwrapInboundIn(data) {
    case .head(let head): receive(head, context)
    case .body: context.fireChannelRead(data)
    case .end: receiveEnd(data, context)
    }
  }

  private func receive(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    headsRead += 1
    if let answer = RequestHeadCheck.refusal(of: head, limits) {
      refuse(answer, context)
      return
    }
    input = .body
    answersOwed += 1
    // After an upgrade the decoder expects another protocol and would read no further request;
    // HTTP/1.0 would need to be told that the connection stays.
    if !head.isKeepAlive || head.version == .http1_0 || head.headers.contains(name: "upgrade") {
      closesAfterAnswer = true
    }
    deadline = nil
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  private func receiveEnd(_ data: NIOAny, _ context: ChannelHandlerContext) {
    input = closesAfterAnswer ? .nothing : .nextRequest
    deadline = nil
    context.fireChannelRead(data)
  }

  /// A round of reading is over. If it did not complete what it belongs to, the clock starts:
  /// here and not at every part, so that a request that comes in one piece sets no timer.
  func channelReadComplete(context: ChannelHandlerContext) {
    switch input {
    case .nextRequest where !hasReadPart && answersOwed > 0:
      hasEarlyBytes = true
    case .nextRequest where !hasReadPart:
      input = .restOfHead
      setDeadline(limits.headTimeout, context)
    case .body where deadline == nil:
      setDeadline(limits.bodyTimeout, context)
    default: break
    }
    hasReadPart = false
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? HTTPParserError else {
      context.fireErrorCaught(error)
      return
    }
    refuse(RequestHeadCheck.refusal(of: error), context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case is OverlongRequestLine:
      refuse(.problem(.uriTooLong, "URI too long"), context)
    case is ChannelShouldQuiesceEvent:
      quiesce(context)
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  // MARK: Answers go out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isOutputClosed else {
      promise?.fail(ChannelError.outputClosed)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(var head) where head.status.code >= 200:
      isAnswerBegun = true
      if answersOwed == 1, closesAfterAnswer || input == .body {
        head.headers.replaceOrAdd(name: "connection", value: "close")
      }
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .head, .body:
      context.write(data, promise: promise)
    case .end:
      context.write(data, promise: promise)
      answerEnded(context)
    }
  }

  private func answerEnded(_ context: ChannelHandlerContext) {
    isAnswerBegun = false
    answersOwed -= 1
    if let waiting = refusal {
      refusal?.answersBefore -= 1
      if waiting.answersBefore == 1 { sendRefusal(context) }
      return
    }
    guard answersOwed == 0 else { return }
    if input == .body || closesAfterAnswer {
      closeOutput(context)
    } else if hasEarlyBytes {
      hasEarlyBytes = false
      input = .restOfHead
      setDeadline(limits.headTimeout, context)
    } else {
      setDeadline(limits.idleTimeout, context)
    }
  }

  /// Answers pile up when the peer does not read them: nothing else would ever end that.
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = nil
    if !context.channel.isWritable {
      let delay = TimeAmount(limits.writeTimeout)
      stall = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
        context.close(promise: nil)
      }
    }
    context.fireChannelWritabilityChanged()
  }

  // MARK: The connection ends

  /// Answers and closes; what still comes in is dropped.
  private func refuse(_ answer: Answer, _ context: ChannelHandlerContext) {
    guard input != .nothing else { return }
    let isMidBody = input == .body
    input = .nothing
    deadline = nil
    let answersBefore = isMidBody ? answersOwed - 1 : answersOwed
    refusal = (answer, answersBefore)
    if answersBefore == 0 { sendRefusal(context) }
    // Whoever reads the body must learn that it has not ended but broken off.
    if isMidBody { context.fireErrorCaught(RequestCutShort()) }
  }

  private func sendRefusal(_ context: ChannelHandlerContext) {
    guard let answer = refusal?.answer, !isAnswerBegun, !isOutputClosed else {
      context.close(promise: nil)
      return
    }
    var headers = HTTPHeaders(answer.fields.map { ($0.name.rawName, $0.value) })
    headers.add(name: "content-length", value: String(answer.body.count))
    headers.add(name: "connection", value: "close")
    let status = HTTPResponseStatus(
      statusCode: answer.status.code, reasonPhrase: answer.status.reasonPhrase)
    let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    let body = context.channel.allocator.buffer(bytes: answer.body)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    context.write(wrapOutboundOut(.end(nil)), promise: nil)
    closeOutput(context)
  }

  /// The server stops: what has begun is finished, and nothing new begins.
  private func quiesce(_ context: ChannelHandlerContext) {
    guard answersOwed > 0 || input == .body else {
      context.close(promise: nil)
      return
    }
    closesAfterAnswer = true
    if input != .body { input = .nothing }
  }

  /// Sends what is written, says that nothing follows, and leaves the peer a moment to read it.
  private func closeOutput(_ context: ChannelHandlerContext) {
    input = .nothing
    isOutputClosed = true
    context.flush()
    context.close(mode: .output, promise: nil)
    setDeadline(limits.lingerTimeout, context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.task.cancel()
    timer = nil
    stall?.cancel()
    stall = nil
    if input == .body {
      input = .nothing
      context.fireErrorCaught(RequestCutShort())
    }
    context.fireChannelInactive()
  }

  // MARK: Time

  /// The timer is left where it is when it fires before the new deadline: it then sets itself
  /// again. A busy connection moves its deadline with every request and its timer once a minute.
  private func setDeadline(_ timeout: Duration, _ context: ChannelHandlerContext) {
    let due = context.eventLoop.now + TimeAmount(timeout)
    deadline = due
    if let timer, timer.due <= due { return }
    timer?.task.cancel()
    startTimer(due, context)
  }

  private func startTimer(_ due: NIODeadline, _ context: ChannelHandlerContext) {
    let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
      self.timerFired(context)
    }
    timer = (due, task)
  }

  private func timerFired(_ context: ChannelHandlerContext) {
    timer = nil
    guard let deadline, context.channel.isActive else { return }
    guard deadline <= context.eventLoop.now else {
      startTimer(deadline, context)
      return
    }
    self.deadline = nil
    switch input {
    case .nextRequest, .nothing: context.close(promise: nil)
    case .restOfHead, .body: refuse(.problem(.requestTimeout, "Request timed out"), context)
    }
  }
}

/// A request's body has broken off before its end.
struct RequestCutShort: Error {}
