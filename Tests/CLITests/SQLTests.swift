import Engine
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct SQLTests {
  private static let forever =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "

  @Test func `rows come as a table, as JSON, as lines and as CSV`() async throws {
    let work = try await workedPlace()
    let query = """
      SELECT 1 AS n, 'a "b", c' AS t, NULL AS none, '' AS empty, x'0aFF' AS bytes, 0.5 AS half,
        2 AS n
      UNION ALL SELECT -9007199254740993, 'é' || char(10), NULL, 'x', x'', 1e300, 3
      """
    let lines = """
      {"n":1,"t":"a \\"b\\", c","none":null,"empty":"","bytes":"0aff","half":0.5,"n:1":2}
      {"n":-9007199254740993,"t":"é\\n","none":null,"empty":"x","bytes":"","half":1e+300,"n:1":3}

      """
    #expect(try await work.run("sql", query, "--format", "jsonl").output == lines)
    let csv = """
      n,t,none,empty,bytes,half,n
      1,"a ""b"", c",,"",0aff,0.5,2
      -9007199254740993,"é
      ",,x,"",1e+300,3

      """
    #expect(try await work.run("sql", query, "--format", "csv", "--quiet").output == csv)
    let json = try await work.run("sql", query, "--json")
    #expect(try json.json().array?.count == 2)
    #expect(try json.json().array?.first?["n:1"] == 2)
    #expect(try await work.run("sql", query, "--format", "json").output == json.output)
    let table = try await work.run("sql", "SELECT 'one' AS first, 'a' || char(27) AS second")
    #expect(table.output == "first  second\none    a\\u001b\n")
    #expect(try await work.run("sql", query, "--quiet").output == "")
  }

  @Test func `no rows are no rows in every format`() async throws {
    let work = try await workedPlace()
    let query = "SELECT id FROM v_events WHERE false"
    for (format, output) in [("table", "id\n"), ("json", "[]\n"), ("csv", "id\n"), ("jsonl", "")] {
      let outcome = try await work.run("sql", query, "--format", format)
      #expect(outcome.status == 0)
      #expect(outcome.output == output)
    }
  }

  @Test func `a runtime may work meanwhile, and the query may come from stdin`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    _ = try await running.post("{}")
    let query = """
      -- what there is
      SELECT count(*) AS events FROM v_events;
      -- no more

      """
    for arguments in [["sql"], ["sql", "-"]] {
      let outcome = try await work.run(arguments + ["--json"], input: query)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(try outcome.json().array?.first?["events"] == 1)
    }
    // Asking about the schema only tells something.
    for query in [
      "PRAGMA user_version", "PRAGMA table_info(events)", "PRAGMA integrity_check",
      "SELECT name FROM pragma_table_info('events')", "SELECT value FROM json_each('[1]')",
      "EXPLAIN QUERY PLAN SELECT * FROM v_events",
      "SELECT json_extract(event, '$.id') FROM v_events",
    ] {
      #expect(try await work.run("sql", query).status == 0, "\(query)")
    }
    #expect(try await work.run("stop").status == 0)
  }

  /// Whatever is more than reading.
  private static let writes = [
    "INSERT INTO logs (timestamp_ms, phase, level, fields) VALUES (1, 'x', 1, '{}')",
    "UPDATE events SET payload = '{}'", "DELETE FROM events", "DELETE FROM events RETURNING *",
    "WITH a AS (SELECT 1) DELETE FROM events", "CREATE TABLE t (a)", "CREATE TEMP TABLE t (a)",
    "CREATE VIEW v AS SELECT 1", "DROP TABLE events", "ALTER TABLE events RENAME TO x",
    "ATTACH 'other.db' AS other", "DETACH main", "VACUUM", "VACUUM INTO 'other.db'", "REINDEX",
    "ANALYZE", "BEGIN IMMEDIATE", "SAVEPOINT a", "COMMIT",
    "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint", "PRAGMA journal_mode = DELETE",
    "PRAGMA query_only = 0", "PRAGMA user_version = 9", "PRAGMA writable_schema = 1",
    "PRAGMA mmap_size = 1000000", "PRAGMA optimize", "PRAGMA incremental_vacuum",
    "SELECT * FROM pragma_user_version(9)", "SELECT load_extension('other')",
    "CREATE VIRTUAL TABLE t USING fts5 (a)", "UPDATE sqlite_master SET sql = ''",
    "DELETE FROM sqlite_master", "SELECT 1; DELETE FROM events",
  ]

  @Test func `whatever is more than reading is refused and changes nothing`() async throws {
    let work = try await workedPlace()
    let before = FileManager.default.contents(atPath: work.database)
    let names = try FileManager.default.contentsOfDirectory(atPath: work.root)
    for query in Self.writes {
      let outcome = try await work.run("sql", query, "--json")
      #expect(outcome.status == 64, "\(query): \(outcome.output) \(outcome.error)")
      #expect(try outcome.errorJSON()["error"]?["code"] == "USAGE", "\(query)")
      #expect(outcome.output == "", "\(query)")
      #expect(FileManager.default.contents(atPath: work.database) == before, "\(query)")
      let after = try FileManager.default.contentsOfDirectory(atPath: work.root)
      // A reader may leave an empty log and its index.
      let made = Set(after).subtracting(names)
      #expect(made.isSubset(of: ["orgloop.db-wal", "orgloop.db-shm"]), "\(query)")
    }
  }

  @Test func `the log of a working runtime cannot be emptied by a query`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    _ = try await work.untilSettled(id)
    func size() throws -> Int64? {
      try FileManager.default.attributesOfItem(atPath: work.database + "-wal")[.size] as? Int64
    }
    let before = try #require(try size())
    #expect(before > 0)
    #expect(try await work.run("sql", "PRAGMA wal_checkpoint(TRUNCATE)").status == 64)
    #expect(try #require(try size()) >= before)
    #expect(try await work.run("stop").status == 0)
  }

  @Test func `wrong SQL says what is wrong`() async throws {
    let work = try await workedPlace()
    let wrong = [
      ("SELEKT 1", "syntax error"), ("SELECT colour FROM v_events", "no such column"),
      ("", "no query"), (" ; -- only words", "no query"), ("SELECT 1; SELECT 2", "one statement"),
      ("SELECT json_extract('{', '$.a')", "malformed JSON"),
      ("SELECT * FROM v_nothing", "no such table"), ("SELECT (", "incomplete input"),
    ]
    for (query, words) in wrong {
      let outcome = try await work.run("sql", "--", query)
      #expect(outcome.status == 64, "\(query)")
      #expect(outcome.error.contains(words), "\(outcome.error)")
      #expect(outcome.output == "")
    }
  }

  @Test func `a query that never ends, or finds too much, is ended`() async throws {
    let work = try await workedPlace()
    let begin = ContinuousClock.now
    let outcome = try await work.run(
      "sql", Self.forever + "SELECT count(*) FROM n", "--timeout", "200ms", "--json")
    #expect(outcome.status == 1)
    let error = try outcome.errorJSON()["error"]
    #expect(error?["message"]?.string?.contains("too long") == true)
    #expect(error?["hint"]?.string?.contains("--timeout") == true)
    // Well below the default, so that it was the flag that ended it.
    #expect(ContinuousClock.now - begin < .seconds(9))

    let large = try await work.run(
      "sql", Self.forever + "SELECT printf('%1000000d', i) FROM n", "--timeout", "60s")
    #expect(large.status == 1)
    #expect(large.error.contains("64 MiB"))
  }

  @Test func `flags that make no sense are refused`() async throws {
    let work = try Workplace(project: nil)
    let flags = [
      ["--timeout", "0s"], ["--timeout", "2h"], ["--timeout", "soon"],
      ["--json", "--format", "csv"],
      ["--format", "xml"],
    ]
    for flags in flags {
      #expect(try await work.run(["sql", "SELECT 1"] + flags).status == 64, "\(flags)")
    }
  }

  @Test func `what is no database of ours is 74`() async throws {
    let work = try Workplace()
    #expect(try await work.run("sql", "SELECT 1").status == 74)
    try SQLiteFile(work.database, writable: true).rows("CREATE TABLE theirs (a)")
    #expect(try await work.run("sql", "SELECT 1").status == 74)
  }
}
