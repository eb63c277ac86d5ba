import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct IdentityTests {
  @Test func `an id leads back to the number and time it was made from`() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<1_000 {
      let identity = Identity(node: .random(in: 0...0x3FFFF, using: &generator))
      let sequence = Int64.random(in: 1...Identity.sequenceMax, using: &generator)
      let atMs = Int64.random(in: 0..<(1 << 48), using: &generator)
      let number = sequence << 16 | .random(in: 0...65_535, using: &generator)
      let event = identity.eventID(sequence: sequence, acceptedAtMs: atMs)
      let trace = identity.traceID(sequence: sequence, acceptedAtMs: atMs)
      let delivery = identity.deliveryID(number: number, acceptedAtMs: atMs)
      #expect(
        identity.number(in: event, prefix: "evt_").map { [$0.0, $0.1] } == [sequence << 16, atMs])
      #expect(
        identity.number(in: trace, prefix: "trc_").map { [$0.0, $0.1] } == [sequence << 16, atMs])
      #expect(
        identity.number(in: delivery, prefix: "dlv_").map { [$0.0, $0.1] } == [number, atMs])
      #expect(Identity.sequence(of: number) == sequence)
      // RFC 9562: version 7, variant 10.
      #expect(Array(event)[16] == "7")
      #expect("89ab".contains(Array(event)[20]))
    }
  }

  @Test func `ids sort by time, and then by number`() {
    let identity = Identity(node: 0x3FFFF)
    var ids: [String] = []
    for atMs in [0, 1, 999, 1_772_600_767_089, 1_772_600_767_090] as [Int64] {
      for sequence in [1, 2, 0xFFFF, 0x1_0000] as [Int64] {
        ids.append(identity.eventID(sequence: sequence, acceptedAtMs: atMs))
      }
    }
    #expect(ids == ids.sorted())
  }

  @Test(arguments: [
    "", "evt_", "evt_0", "evt_019ccb7d0f317000800000000001000",
    "evt_019ccb7d0f31700080000000000100000",
    "evt_019CCB7D0F3170008000000000010000", "evt_019ccb7d0f31700080000000000100zz",
    "EVT_019ccb7d0f3170008000000000010000", "evt_019ccb7d-0f31-7000-8000-00000001",
  ])
  func `what is not an id of ours is not read as one`(_ id: String) {
    #expect(Identity(node: 0).number(in: id, prefix: "evt_") == nil)
  }

  @Test func `an id of another file is not taken for one of this file`() {
    let id = Identity(node: 5).eventID(sequence: 1, acceptedAtMs: Names.nowMs)
    for node in [0, 4, 6, 5 | 1 << 6, 5 | 1 << 17] as [Int64] {
      #expect(Identity(node: node).number(in: id, prefix: "evt_") == nil)
    }
  }

  @Test func `an event's id with a delivery's number in it is not an event's id`() {
    let identity = Identity(node: 5)
    let id = identity.deliveryID(number: 1 << 16 | 3, acceptedAtMs: Names.nowMs)
    #expect(identity.number(in: "evt_" + id.dropFirst(4), prefix: "evt_") == nil)
  }

  @Test func `the views make the same ids and times, and the ids are found`() async throws {
    let file = try TestFile()
    var generator = SystemRandomNumberGenerator()
    let node = UInt64.random(in: 0...0x3FFFF, using: &generator)
    let store = try file.open { $0.random = { node } }
    defer { store.close() }
    let names = try await Names.register(in: store)
    #expect(store.identity == Identity(node: Int64(node)))
    for _ in 0..<50 {
      let atMs = Int64.random(in: 0..<4_102_444_800_000, using: &generator)
      let receipt = try #require(
        try await store.accepted([names.event(atMs: atMs, to: [names.toClaude(), names.toSlack])])
          .first)
      let id = store.identity.eventID(sequence: receipt.sequence, acceptedAtMs: atMs)
      let detail = try #require(try await store.reader.event(id: id))
      #expect(detail.summary.id == id)
      #expect(
        detail.summary.traceID
          == store.identity.traceID(sequence: receipt.sequence, acceptedAtMs: atMs))
      let deliveries = (0..<2).map {
        store.identity.deliveryID(number: receipt.sequence << 16 | $0, acceptedAtMs: atMs)
      }
      #expect(detail.summary.deliveries.map(\.id) == deliveries)
      for other in deliveries + [detail.summary.traceID] {
        #expect(try await store.reader.event(id: other)?.summary.sequence == receipt.sequence)
      }
      #expect(try await store.reader.event(id: "xyz_" + id.dropFirst(4)) == nil)
      let later = store.identity.eventID(sequence: receipt.sequence, acceptedAtMs: atMs + 1)
      #expect(try await store.reader.event(id: later) == nil)
    }
  }

  @Test func `an event is found by the id of a trace that came from outside`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([
      names.event(), names.event(trace: "trc_theirs"), names.event(trace: "trc_theirs"),
    ])
    #expect(try await store.reader.event(id: "trc_theirs")?.summary.sequence == 2)
  }
}
