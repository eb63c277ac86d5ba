import Connectors
import Crypto
import Engine
import Testing

@Suite(.timeLimit(.minutes(2)))
struct DedupTransformTests {
  private func key(_ event: String, _ config: JSONObject) async throws -> ([UInt8], Int64)? {
    let text = try JSONText(checking: Array(event.utf8))
    let result = try await DedupTransform(config).apply(
      text, context: Fixture.transformContext(root: "/tmp"))
    guard case .once(let key, let windowMs) = result else { return nil }
    return (key, windowMs)
  }

  private func hash(_ text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

  @Test func `source, type and id are the key where nothing is said, for 5 minutes`() async throws {
    let found = try #require(
      try await key(#"{"id":"e1","source":"s","type":"t","payload":1}"#, [:]))
    #expect(found.0 == hash("s\0t\0e1"))
    #expect(found.1 == 300_000)
  }

  @Test(arguments: ["key", "fields", "key_fields"])
  func `texts, numbers, nothing, lists and maps are joined`(_ name: String) async throws {
    let config: JSONObject = [
      name: ["payload.a", "payload.b", "payload.none", "payload.null", "payload.map"],
      "window": "1h",
    ]
    let found = try #require(
      try await key(
        #"{"payload":{"a":"x","b":7,"null":null,"map":{"z":[{"b":1,"a":true}],"c":"d"}}}"#, config))
    #expect(found.0 == hash("x\0" + "7\0\0\0" + #"{"c":"d","z":[{"a":true,"b":1}]}"#))
    #expect(found.1 == 3_600_000)
  }

  @Test func `the order of keys in a map makes no difference, that in a list does`() async throws {
    let config: JSONObject = ["key": ["payload"]]
    let first = try await key(#"{"payload":{"a":1,"b":{"c":[1,2],"d":2}}}"#, config)
    let second = try await key(#"{"payload":{"b":{"d":2,"c":[1,2]},"a":1}}"#, config)
    let third = try await key(#"{"payload":{"a":1,"b":{"c":[2,1],"d":2}}}"#, config)
    #expect(first?.0 == second?.0)
    #expect(first?.0 != third?.0)
  }

  private static let broken: [(JSONObject, [[String]])] = [
    ([:], []), (["key": ["id"], "window": "1m"], []),
    (["key": ["id"], "fields": ["id"]], [["fields"]]), (["key": []], [["key"]]),
    (["window": "0s"], [["window"]]),
  ]

  @Test(arguments: broken)
  func `a config that cannot be meant is an error at its key`(
    _ config: JSONObject, _ places: [[String]]
  ) throws {
    let descriptor = try #require(Fixture.catalog.transforms["dedup"])
    #expect(descriptor.check(config).map(\.path) == places)
  }
}
