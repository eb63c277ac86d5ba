import Engine
import Foundation
import Testing

/// `orgloop status` as people read it (cli-http.md 2.2).
@Suite(.timeLimit(.minutes(3))) struct StatusTests {
  private static func routes(_ count: Int) -> String {
    (1...count).map { number in
      """
        - name: r\(number)
          enabled: \(number != 3)
          when: { source: in, filter: { payload.n: \(number) } }
          then: { actor: out }

      """
    }.joined()
  }

  @Test func `the busiest routes and actors are shown with what they did in a day`() async throws {
    let project = """
      apiVersion: orgloop/v1alpha1
      kind: Project
      metadata: { name: test }
      sources:
        - { id: in, connector: webhook }
        - { id: off, connector: webhook, enabled: false }
      actors:
        - { id: out, connector: exec, config: { command: [sh, -c, 'cat > /dev/null'] } }
      routes:

      """
    let work = try Workplace(project: project + Self.routes(12))
    let running = try await work.start()
    for number in [11, 2, 11] {
      let id = try await running.post("{\"n\": \(number)}").body["event_id"]?.string
      _ = try await work.untilSettled(try #require(id))
    }
    let json = try await work.run("status", "--json").json()
    let routes = json["routes"]?.array ?? []
    #expect(routes.prefix(3).map { $0["name"] } == ["r11", "r2", "r1"])
    #expect(
      routes.first?["counts_24h"] == ["delivered": 2, "dropped": 0, "skipped": 0, "dead": 0])
    #expect(routes.count == 10)
    #expect(json["routes_more"] == 2)
    #expect(json["actors"]?.array?.first?["counts_24h"]?["delivered"] == 3)
    #expect(json["actors_more"] == 0)

    let text = try await work.run("status").output
    let lines = text.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    }
    #expect(lines.contains(["r11", "2", "0", "0", "0"]), "\(text)")
    #expect(lines.contains(["r3", "(disabled)", "0", "0", "0", "0"]), "\(text)")
    #expect(lines.contains(["out", "3", "0", "0", "0"]), "\(text)")
    #expect(text.contains("and 2 less busy"))
    #expect(text.contains("2 (1 disabled)"))
    let source = try await work.run("inspect", "source", "off", "--json").json()
    #expect(source["runtime"]?["status"] == "disabled")
    let module = try await work.run("module", "status", "default").output
    let off = module.split(separator: "\n").first { $0.hasPrefix("off") }
    #expect(off?.contains("disabled") == true, "\(module)")
  }

  @Test func `a queue whose only delivery runs is no row of zeros`() async throws {
    let work = try Workplace(
      project: Workplace.project(command: "echo $$ > begun; exec sleep 600"))
    let running = try await work.start()
    _ = try await running.post("{}")
    _ = try await eventually("the command runs") { try? work.read("begun") }
    let text = try await work.run("status").output
    let rows = text.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    }
    let title = try #require(rows.first { $0.first == "QUEUE" })
    let at = try #require(title.firstIndex(of: "RUNNING"))
    let row = try #require(rows.first { $0.first == "out" && $0.last == "closed" })
    #expect(row[at] == "1", "\(text)")
  }
}
