/// The bounds of one HTTP listener and its connections, each with its reason (reliability.md 4,
/// rows W8 to W16). Tests inject shorter durations.
package struct HTTPLimits: Sendable, Hashable {
  /// 16 KiB: all header names and values of a request together.
  package var headerBytesMax = 16 << 10
  /// 100: header fields of a request, trailers included.
  package var headerCountMax = 100
  /// 8 KiB: the target of a request, path and query.
  package var uriBytesMax = 8 << 10
  /// 1,024: open connections of one listener; a connection holds a task and a few KiB of buffers.
  package var connectionsMax = 1_024
  /// 64: open connections of one remote address. Loopback counts only in the total, because
  /// reverse proxies and local load generators come from there.
  package var connectionsPerAddressMax = 64
  /// 256: webhook requests being answered at once (cli-http.md 3.2); each may hold a whole body.
  package var openWebhooksMax = 256
  /// 4 MiB: the body of an order or an injected event, as large as an event may be; more where
  /// webhooks may be larger. Who may order is known, so that it need not be as small as theirs.
  package var orderBytesMax = 4 << 20
  /// 10: wrong tokens of one address within ``tokenWindowMs`` before it is answered 429.
  package var wrongTokensMax = 10
  /// One minute.
  package var tokenWindowMs: Int64 = 60_000
  /// How long a request may take from its first byte to the end of its headers; also how long a
  /// new connection may stay silent.
  package var headTimeout: Duration = .seconds(10)
  /// How long a body may take, however slowly it trickles.
  package var bodyTimeout: Duration = .seconds(30)
  /// How long a peer may leave answers unread once the buffers are full.
  package var writeTimeout: Duration = .seconds(30)
  /// How long a connection may stay silent between two requests.
  package var idleTimeout: Duration = .seconds(60)
  /// How long a connection stays half open after an early answer. Closing at once would make the
  /// system reset the connection, and the peer would lose the answer it has not read yet.
  package var lingerTimeout: Duration = .seconds(2)

  package init() {}
}
