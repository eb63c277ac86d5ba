import Connectors
import Engine
import Foundation
import Testing

private func ms(_ text: String) -> Int64 { ISOTime.ms(text) ?? -1 }

private func zone(_ name: String) throws -> TimeZone { try #require(TimeZone(identifier: name)) }

@Suite struct ScheduleTests {
  /// The next runs after a moment.
  private func runs(
    _ text: String, after: String, zone name: String = "UTC", count: Int = 3
  ) throws -> [String] {
    let schedule = try Schedule(text, zone: try zone(name))
    var times: [String] = []
    var last = ms(after)
    while times.count < count, let next = schedule.next(afterMs: last) {
      times.append(String(ISOTime.text(ms: next).dropLast(8)))
      last = next
    }
    return times
  }

  @Test(
    arguments: [
      ("* * * * *", ["2026-03-04T05:07", "2026-03-04T05:08", "2026-03-04T05:09"]),
      ("*/20 * * * *", ["2026-03-04T05:20", "2026-03-04T05:40", "2026-03-04T06:00"]),
      ("6 5 * * *", ["2026-03-05T05:06", "2026-03-06T05:06", "2026-03-07T05:06"]),
      ("10-14/2,50 5 * * *", ["2026-03-04T05:10", "2026-03-04T05:12", "2026-03-04T05:14"]),
      ("0 9 * * mon-FRI", ["2026-03-04T09:00", "2026-03-05T09:00", "2026-03-06T09:00"]),
      ("0 0 * * 7", ["2026-03-08T00:00", "2026-03-15T00:00", "2026-03-22T00:00"]),
      ("0 0 * * 0", ["2026-03-08T00:00", "2026-03-15T00:00", "2026-03-22T00:00"]),
      ("0 0 13 * 5", ["2026-03-13T00:00", "2026-11-13T00:00", "2027-08-13T00:00"]),
      ("0 0 31 * *", ["2026-03-31T00:00", "2026-05-31T00:00", "2026-07-31T00:00"]),
      ("0 12 29 feb *", ["2028-02-29T12:00", "2032-02-29T12:00", "2036-02-29T12:00"]),
      ("0 12 29 2 1", ["2044-02-29T12:00", "2072-02-29T12:00", "2112-02-29T12:00"]),
      ("@hourly", ["2026-03-04T06:00", "2026-03-04T07:00", "2026-03-04T08:00"]),
      ("@daily", ["2026-03-05T00:00", "2026-03-06T00:00", "2026-03-07T00:00"]),
      ("@weekly", ["2026-03-08T00:00", "2026-03-15T00:00", "2026-03-22T00:00"]),
      ("@monthly", ["2026-04-01T00:00", "2026-05-01T00:00", "2026-06-01T00:00"]),
      ("@yearly", ["2027-01-01T00:00", "2028-01-01T00:00", "2029-01-01T00:00"]),
      ("every 1h30m", ["2026-03-04T06:36", "2026-03-04T08:06", "2026-03-04T09:36"]),
      ("5m", ["2026-03-04T05:11", "2026-03-04T05:16", "2026-03-04T05:21"]),
    ])
  func `a schedule fires at its times`(_ text: String, _ expected: [String]) throws {
    #expect(try runs(text, after: "2026-03-04T05:06:07.089Z") == expected)
  }

  @Test func `a time zone decides what nine o'clock is`() throws {
    #expect(
      try runs("0 9 * * *", after: "2026-01-01T00:00:00Z", zone: "Asia/Kolkata", count: 1)
        == ["2026-01-01T03:30"])
    #expect(
      try runs("0 9 * * *", after: "2026-07-01T00:00:00Z", zone: "America/New_York", count: 1)
        == ["2026-07-01T13:00"])
  }

  // Berlin 2026: 29 March 02:00 becomes 03:00 (01:00 UTC); 25 October 03:00 becomes 02:00.
  @Test func `a skipped time fires at the first minute after the gap, once`() throws {
    #expect(
      try runs("30 2 * * *", after: "2026-03-28T12:00:00Z", zone: "Europe/Berlin", count: 2)
        == ["2026-03-29T01:00", "2026-03-30T00:30"])
    #expect(
      try runs("*/20 2-3 * * *", after: "2026-03-29T00:00:00Z", zone: "Europe/Berlin", count: 4)
        == ["2026-03-29T01:00", "2026-03-29T01:20", "2026-03-29T01:40", "2026-03-30T00:00"])
  }

  @Test func `a repeated time fires once, the first time`() throws {
    #expect(
      try runs("30 2 * * *", after: "2026-10-24T12:00:00Z", zone: "Europe/Berlin", count: 2)
        == ["2026-10-25T00:30", "2026-10-26T01:30"])
    #expect(
      try runs("*/30 2-3 * * *", after: "2026-10-25T00:10:00Z", zone: "Europe/Berlin", count: 3)
        == ["2026-10-25T00:30", "2026-10-25T02:00", "2026-10-25T02:30"])
  }

  @Test func `a gap at midnight and a half-hour change hold too`() throws {
    // Cairo skips 00:00 to 01:00 on 24 April 2026; Lord Howe moves by half an hour.
    #expect(
      try runs("0 0 * * *", after: "2026-04-23T12:00:00Z", zone: "Africa/Cairo", count: 1)
        == ["2026-04-23T22:00"])
    #expect(
      try runs("15 2 * * *", after: "2026-10-03T12:00:00Z", zone: "Australia/Lord_Howe", count: 1)
        == ["2026-10-03T15:30"])
  }

  @Test func `every time of a year is met by a scan of all minutes`() throws {
    let schedule = try Schedule("7,31 */5 * * 1-5", zone: try zone("Europe/Berlin"))
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try zone("Europe/Berlin")
    var last = ms("2026-03-20T00:00:00Z")
    let end = ms("2026-04-05T00:00:00Z")
    var scanned: [Int64] = []
    for time in stride(from: last + 60_000, through: end, by: 60_000) {
      let parts = calendar.dateComponents(
        [.minute, .hour, .weekday], from: Date(timeIntervalSince1970: Double(time) / 1_000))
      let isDay = (2...6).contains(parts.weekday ?? 0)
      if isDay, [7, 31].contains(parts.minute), (parts.hour ?? 1) % 5 == 0 { scanned.append(time) }
    }
    var computed: [Int64] = []
    while let next = schedule.next(afterMs: last), next <= end {
      computed.append(next)
      last = next
    }
    #expect(computed == scanned)
    #expect(!scanned.isEmpty)
  }

  @Test(
    arguments: [
      "", "* * * *", "* * * * * *", "5x * * * *", "5/10 * * * *", "60 * * * *", "* 24 * * *",
      "* * 0 * *", "* * 32 * *", "* * * 13 * ", "* * * 0 *", "* * * * 8", "10-5 * * * *",
      "*/0 * * * *", "*/ * * * *", "1,,2 * * * *", "-1 * * * *", "+1 * * * *", "1-2-3 * * * *",
      "*/5/5 * * * *", "* * * jam *", "0 0 30 2 *", "@never", "every", "every 5", "every x",
      "every 5 m", "0s", "500ms", "every 4000d", "** * * * *", "mon * * * *",
    ])
  func `anything else is an error that says what is wrong`(_ text: String) throws {
    let zone = try zone("UTC")
    let error = #expect(throws: CronError.self) { try Schedule(text, zone: zone) }
    #expect(error?.message.isEmpty == false)
  }

  @Test func `the runs of a long downtime are found without walking through it`() throws {
    let schedule = try Schedule("* * * * *", zone: try zone("Europe/Berlin"))
    let now = ms("2026-06-01T00:00:30Z")
    let runs = schedule.runs(afterMs: ms("2006-06-01T00:00:00Z"), untilMs: now, limit: 100)
    #expect(runs.count == 100)
    #expect(runs.last == ms("2026-06-01T00:00:00Z"))
    #expect(runs.first == ms("2026-05-31T22:21:00Z"))
  }
}

@Suite struct CronSourceTests {
  private func source(_ schedules: [JSONValue], _ extra: JSONObject = [:]) throws -> CronSource {
    var config: JSONObject = ["timezone": "UTC", "schedules": .array(schedules)]
    for member in extra.members { config[member.key] = member.value }
    return try CronSource(config)
  }

  private let hourly: JSONValue = ["name": "h", "cron": "@hourly"]
  private let now = ms("2026-03-04T05:06:07.089Z")

  private func missed(_ draft: EventDraft) -> Int64? {
    draft.provenance.value(at: DotPath(keys: ["missed"]))?.int64
  }

  @Test func `nothing fires at the first start, and time begins there`() throws {
    let source = try source([hourly, ["name": "i", "cron": "every 10m"]])
    let result = source.fire(checkpoint: nil, nowMs: now, isActivation: true)
    #expect(result.events.isEmpty)
    #expect(
      result.checkpoint == #"{"h":"2026-03-04T05:06:07.089Z","i":"2026-03-04T05:06:07.089Z"}"#)
    #expect(
      source.nextFireMs(checkpoint: result.checkpoint, nowMs: now)
        == ms("2026-03-04T05:16:07.089Z"))
  }

  @Test func `run_on_start fires once, only without a checkpoint`() throws {
    let source = try source([["name": "h", "cron": "@hourly", "run_on_start": true]])
    let first = source.fire(checkpoint: nil, nowMs: now, isActivation: true)
    #expect(first.events.map(\.dedupKey) == ["h:2026-03-04T05:06:07.089Z"])
    let second = source.fire(checkpoint: first.checkpoint, nowMs: now + 1_000, isActivation: true)
    #expect(second.events.isEmpty)
  }

  @Test func `an event says which schedule and when`() throws {
    let source = try source([
      ["name": "i", "cron": "every 10m", "payload": ["a": 1, "schedule": "mine"]]
    ])
    let result = source.fire(
      checkpoint: #"{"i":"2026-03-04T05:00:00.000Z"}"#, nowMs: ms("2026-03-04T05:10:00.004Z"),
      isActivation: false)
    let draft = try #require(result.events.first)
    #expect(result.events.count == 1)
    #expect(draft.type == .resourceChanged)
    #expect(
      draft.provenance.description
        == #"{"platform":"cron","platform_event":"schedule.i","author_type":"system","#
        + #""scheduled_at":"2026-03-04T05:10:00.000Z"}"#)
    #expect(draft.payload.description == #"{"schedule":"mine","interval_ms":600000,"a":1}"#)
    #expect(draft.dedupKey == "i:2026-03-04T05:10:00.000Z")
    #expect(result.checkpoint == #"{"i":"2026-03-04T05:10:00.000Z"}"#)
  }

  @Test func `an interval keeps its grid however late it fires`() throws {
    let source = try source([["name": "i", "cron": "10m"]])
    var checkpoint: String? = #"{"i":"2026-03-04T05:00:00.000Z"}"#
    var time = ms("2026-03-04T05:00:00.000Z")
    for run in 1...50 {
      time = try #require(source.nextFireMs(checkpoint: checkpoint, nowMs: time)) + 700
      checkpoint = source.fire(checkpoint: checkpoint, nowMs: time, isActivation: false).checkpoint
      #expect(time == ms("2026-03-04T05:00:00.000Z") + Int64(run) * 600_000 + 700)
    }
  }

  @Test func `missed runs collapse into one, and are counted`() throws {
    let result = try source([hourly]).fire(
      checkpoint: #"{"h":"2026-03-04T01:00:00.000Z"}"#, nowMs: now, isActivation: true)
    #expect(result.events.map(\.dedupKey) == ["h:2026-03-04T05:00:00.000Z"])
    #expect(result.events.map(missed) == [3])
    #expect(result.checkpoint == #"{"h":"2026-03-04T05:00:00.000Z"}"#)
  }

  @Test func `skip passes over what was missed, and fires what is due now`() throws {
    let source = try source([hourly], ["misfire": "skip"])
    let old = #"{"h":"2026-03-04T01:00:00.000Z"}"#
    let atStart = source.fire(checkpoint: old, nowMs: now, isActivation: true)
    #expect(atStart.events.isEmpty)
    #expect(atStart.checkpoint == #"{"h":"2026-03-04T05:00:00.000Z"}"#)
    let onTime = source.fire(
      checkpoint: old, nowMs: ms("2026-03-04T05:00:00.020Z"), isActivation: false)
    #expect(onTime.events.map(\.dedupKey) == ["h:2026-03-04T05:00:00.000Z"])
    let late = source.fire(checkpoint: old, nowMs: now, isActivation: false)
    #expect(late.events.isEmpty)
  }

  @Test func `all makes up for each, at most 100`() throws {
    let source = try source([["name": "h", "cron": "@hourly", "misfire": "all"]])
    let few = source.fire(
      checkpoint: #"{"h":"2026-03-04T02:00:00.000Z"}"#, nowMs: now, isActivation: true)
    #expect(
      few.events.map(\.dedupKey) == [
        "h:2026-03-04T03:00:00.000Z", "h:2026-03-04T04:00:00.000Z", "h:2026-03-04T05:00:00.000Z",
      ])
    #expect(few.events.compactMap(missed).isEmpty)
    let many = source.fire(
      checkpoint: #"{"h":"2026-02-01T00:00:00.000Z"}"#, nowMs: now, isActivation: true)
    #expect(many.events.count == 100)
    #expect(many.events.last?.dedupKey == "h:2026-03-04T05:00:00.000Z")
    // 31 days and 5 hours, less the hundred that are made up for.
    #expect(missed(many.events[0]) == 649)
  }

  @Test func `a schedule that is new in the file begins now, the others go on`() throws {
    let source = try source([hourly, ["name": "new", "cron": "@hourly", "run_on_start": true]])
    let result = source.fire(
      checkpoint: #"{"h":"2026-03-04T05:00:00.000Z"}"#, nowMs: now, isActivation: true)
    #expect(result.events.isEmpty)
    #expect(
      result.checkpoint == #"{"h":"2026-03-04T05:00:00.000Z","new":"2026-03-04T05:06:07.089Z"}"#)
  }

  @Test func `a checkpoint from a clock that was years ahead does not silence a schedule`() throws {
    let source = try source([hourly])
    #expect(
      source.nextFireMs(checkpoint: #"{"h":"2036-01-01T00:00:00.000Z"}"#, nowMs: now)
        == ms("2026-03-04T06:00:00Z"))
  }

  @Test func `a checkpoint that is broken begins anew`() throws {
    let source = try source([hourly])
    for checkpoint in ["", "x", "[]", "{\"h\":5}", "2026-03-04T05:00:00Z"] {
      #expect(
        source.fire(checkpoint: checkpoint, nowMs: now, isActivation: true).events.isEmpty)
      #expect(
        source.nextFireMs(checkpoint: checkpoint, nowMs: now) == ms("2026-03-04T06:00:00Z"))
    }
  }
}
