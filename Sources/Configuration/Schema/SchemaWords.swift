import Engine

extension SchemaBuilder {
  /// How a value is written, in a sentence; empty where the schema itself says it.
  static func form(_ type: ConfigType) -> String {
    switch type {
    case .duration: "A duration with units d h m s ms: 30s, 1h30m."
    case .longDuration(let least):
      "A duration with units d h m s ms, at least \(Quantity.text(durationMs: least)): 30s, 1h30m."
    case .size: "A size in bytes, or with a unit: 512KiB, 1MB."
    case .rate: "A rate: 10/s, 5/m, 0.5/h."
    case .startLimit: "A whole number per period: 100/h."
    case .dotPath: "A dot path: payload.labels.0."
    case .url: "An http or https URL."
    case .command: "A program and its arguments; there is no shell."
    default: ""
    }
  }
}
