import TestSupport

/// What a database says happened, as a user with `sqlite3` reads it.
struct Account: Sendable {
  /// Ids of all events.
  let events: Set<String>
  /// Of the events, those that are neither settled nor without a route.
  let unfinished: Set<String>
  /// The state of each delivery, ended or not.
  let deliveries: [String: String]
  /// How many attempts of each delivery are known, those that run included.
  let attempts: [String: Int]
  /// The stored checkpoint of the polled source: how many events it has handed over.
  let checkpoint: Int
  /// The numbers of the polled source's events.
  let polled: Set<Int>
  let paused: Set<String>
  /// Deliveries by replay: those that it says it has made, and those that are there.
  let replayed: [String: Int]
  let made: [String: Int]
  /// Modules that should run.
  let wanted: Set<String>

  static let endStates: Set<String> = ["delivered", "dropped", "skipped", "dead"]

  /// Deliveries that have ended.
  var settled: [String: String] { deliveries.filter { Account.endStates.contains($0.value) } }

  init(ofFile path: String) throws {
    let file = try SQLiteFile(path)
    func pairs(_ sql: String) throws -> [(String, String)] {
      try file.rows(sql).compactMap { row in
        guard row.count == 2, let first = row[0], let second = row[1] else { return nil }
        return (first, second)
      }
    }
    func names(_ sql: String) throws -> Set<String> {
      Set(try file.rows(sql).compactMap { $0.first ?? nil })
    }
    let states = try pairs("SELECT id, state FROM v_events")
    events = Set(states.map(\.0))
    unfinished = Set(states.filter { $0.1 == "accepted" }.map(\.0))
    deliveries = Dictionary(uniqueKeysWithValues: try pairs("SELECT id, state FROM v_deliveries"))
    attempts = Dictionary(
      uniqueKeysWithValues: try pairs(
        "SELECT delivery_id, max(number) FROM v_attempts GROUP BY delivery_id"
      ).map { ($0.0, Int($0.1) ?? 0) })
    checkpoint = Int(
      try file.integer("SELECT checkpoint FROM sources WHERE id = 'polled'") ?? 0)
    polled = Set(
      try names(
        """
        SELECT e.dedup_key FROM events AS e JOIN sources AS s ON s.key = e.source
        WHERE s.id = 'polled'
        """
      ).compactMap { Int($0) })
    func counts(_ sql: String) throws -> [String: Int] {
      Dictionary(uniqueKeysWithValues: try pairs(sql).map { ($0.0, Int($0.1) ?? 0) })
    }
    replayed = try counts("SELECT id, deliveries FROM v_replays")
    made = try counts(
      "SELECT replay_id, count(*) FROM v_deliveries WHERE replay_id IS NOT NULL GROUP BY 1")
    paused = try names("SELECT target FROM v_paused")
    wanted = try names("SELECT name FROM modules WHERE desired = 'active'")
  }

  /// Whether a promise is kept.
  func knows(_ fact: Fact) -> Bool {
    switch fact {
    case .event(let id, _): events.contains(id)
    case .polled(let count): checkpoint >= count && polled.isSuperset(of: 0..<count)
    case .attempted(let delivery, let number): attempts[delivery, default: 0] >= number
    case .settled(let delivery, let state): deliveries[delivery] == state
    case .replayed(let id, let count):
      replayed[id, default: 0] >= count && made[id, default: 0] == replayed[id]
    case .pause(let target, let isOn): paused.contains(target) == isOn
    case .module(let name, let isWanted): wanted.contains(name) == isWanted
    }
  }
}

extension SQLiteFile {
  /// A number that stands for everything that the tables hold; equal for equal contents within one
  /// process.
  borrowing func contentHash() throws -> Int {
    var hasher = Hasher()
    let tables = try rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    for table in tables.compactMap({ $0.first ?? nil }) {
      hasher.combine(table)
      hasher.combine(try rows("SELECT * FROM \"\(table)\" ORDER BY 1, 2"))
    }
    return hasher.finalize()
  }
}
