import Engine
import Foundation
import ProjectConfiguration
import Testing

/// `orgloop schema`, and the files in `schemas/`.
@Suite struct SchemaTests {
  private static let published = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "schemas")

  @Test func `the files in schemas/ are what the program writes`() async throws {
    let place = try Workplace(project: nil)
    let outcome = try await place.run("schema", "--dir", place.root + "/out")
    #expect(outcome.status == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: place.root + "/out")
    let there = try FileManager.default.contentsOfDirectory(atPath: Self.published.path)
    #expect(Set(there) == Set(names))
    for name in names {
      let made = try Data(contentsOf: URL(filePath: place.root + "/out/" + name))
      let kept = try? Data(contentsOf: Self.published.appending(path: name))
      #expect(
        made == kept, "\(name) is old; write it with: .build/debug/orgloop schema --dir schemas")
    }
  }

  @Test(arguments: ["Project", "connectorgroup", "orgloop"])
  func `the schema of a kind is printed`(_ kind: String) async throws {
    let outcome = try await Workplace(project: nil).run("schema", kind)
    #expect(outcome.status == 0)
    let schema = try outcome.json()
    #expect(schema["$schema"]?.string == "https://json-schema.org/draft/2020-12/schema")
    #expect(schema["$id"]?.string?.hasPrefix("urn:orgloop:schema:v1alpha1:") ?? false)
  }

  @Test func `an unknown kind is a wrong call`() async throws {
    let outcome = try await Workplace(project: nil).run("schema", "Projekt")
    #expect(outcome.status == 64)
    #expect(outcome.error.contains("no kind \"Projekt\""))
  }
}
