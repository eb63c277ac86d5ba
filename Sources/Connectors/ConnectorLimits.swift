/// The bounds of the built-in connectors, each with its reason (style.md rule 8).
package enum ConnectorLimits {
  /// 64 KiB: what is kept of a command's stderr (config.md 9.2).
  package static let errorTailBytesMax = 64 << 10
  /// 5 s: how long a command may take to end after SIGTERM (connectors.md 1.5).
  package static let killDelay = Duration.seconds(5)
  /// 4 KiB: one value in a log line or in a script's environment (reliability.md 4, S3 and L2).
  package static let textBytesMax = 4 << 10
  /// 64: descriptors of a transform (reliability.md 4, S4).
  package static let transformFilesMax: UInt32 = 64
  /// 8 MiB: what is read of an actor's answer before the connection is given up
  /// (connectors.md 1.4).
  package static let responseBytesMax = 8 << 20
  /// 256: a dedup key that came from outside; a longer one is replaced by its hash.
  package static let dedupKeyBytesMax = 256
  /// 300 s: how old or new a signed time may be (reliability.md 4, W5).
  package static let signatureToleranceSeconds: Int64 = 300
  /// 10,000: missed runs of a schedule that are counted.
  package static let missedRunsMax = 10_000
  /// 100: missed runs that are made up for with `misfire: all` (connectors.md 2.9).
  package static let madeUpRunsMax = 100
  /// 100 KiB: a script's config in its environment; Linux allows 128 KiB for one string.
  package static let environmentValueBytesMax = 100 << 10
  /// 5 s: one run of jq (connectors.md 4.1).
  package static let jqTimeoutMs: Int64 = 5_000
}
