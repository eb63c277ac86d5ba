import Engine
import Foundation
import ProjectConfiguration
import Testing

/// Damaged files of every kind: whatever they hold, the loader gives an answer.
///
/// A few seconds in a usual run; `ORGLOOP_FUZZ_SECONDS` says how long, `ORGLOOP_FUZZ_SEED` repeats
/// one. The input of a crash stays in the directory that is printed; it belongs into `Corpus/`.
struct LoaderFuzzTests {
  static let canaries = ["TOKEN": "canary-token-5Xq", "PLAIN": "canary-plain-8Zr"]

  private static var corpusDirectory: String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus").path
  }

  private static func corpus() throws -> [(name: String, bytes: [UInt8])] {
    let names = try FileManager.default.contentsOfDirectory(atPath: corpusDirectory)
      .filter { $0.hasSuffix(".yaml") }.sorted()
    return try names.map { name in
      (name, Array(try Data(contentsOf: URL(filePath: corpusDirectory + "/" + name))))
    }
  }

  /// Where a damaged text may stand.
  private enum Role: Int, CaseIterable {
    case project, module, group, workspace, userDefaults

    var path: String {
      switch self {
      case .project: "orgloop.yaml"
      case .module: "m/orgloop-module.yaml"
      case .group: "group.yaml"
      case .workspace: "workspaces/w.yaml"
      case .userDefaults: "~/.orgloop/config.yaml"
      }
    }
  }

  /// A project of the corpus, to damage one file of.
  private final class Target {
    let project: TestProject
    private let good: [String: [UInt8]]

    init() throws {
      let corpus = Dictionary(
        uniqueKeysWithValues: try LoaderFuzzTests.corpus().map { ($0.name, $0.bytes) })
      good = [
        Role.project.path: corpus["project.yaml"] ?? [],
        Role.module.path: corpus["module.yaml"] ?? [],
        Role.group.path: corpus["group.yaml"] ?? [],
        Role.workspace.path: corpus["workspace.yaml"] ?? [],
        Role.userDefaults.path: Array("defaults: { poll_interval: 2m }\n".utf8),
      ]
      project = try TestProject(["run.sh": "#!/bin/sh\n", "sop.md": "---\na: 1\n---\ntext\n"])
      for (path, bytes) in good { try project.write(path, bytes) }
    }

    func load(_ bytes: [UInt8], as role: Role) throws -> LoadedProject {
      try project.write(role.path, bytes)
      var options = LoadOptions()
      options.showsObjects = true
      options.describes = true
      if role == .workspace { options.workspace = LoadOptions.Workspace(name: "w") }
      var environment = LoaderFuzzTests.canaries
      environment["PATH"] = project.root
      return project.load(environment: environment, options: options)
    }

    func restore(_ role: Role) throws { try project.write(role.path, good[role.path] ?? []) }
  }

  private func check(_ loaded: LoadedProject, _ bytes: [UInt8], _ role: Role, _ note: String) {
    // As the parser counts: YAML's own breaks, and a place behind the last character is one.
    let lines = Self.lengths(bytes)
    for each in loaded.diagnostics {
      #expect(DiagnosticCode.named(each.code) != nil, "\(each) \(note)")
      #expect(!each.description.contains { $0.isNewline }, "\(each) \(note)")
      #expect(!each.description.contains("canary"), "\(each) \(note)")
      #expect(!JSONText(each.json).description.contains("canary"), "\(each) \(note)")
      #expect(each.line >= 1 && each.column >= 1, "\(each) \(note)")
      guard each.file == role.path else { continue }
      #expect(each.line <= lines.count + 1, "\(each) \(note)")
      let length = each.line <= lines.count ? lines[each.line - 1] : 0
      #expect(each.column <= length + 1, "\(each) \(note)")
    }
    for (name, shown) in loaded.shown {
      #expect(!JSONText(shown).description.contains("canary"), "\(name) \(note)")
    }
    for module in loaded.modules {
      #expect(!module.documents.description.contains("canary"), "\(module.name) \(note)")
    }
    #expect(
      loaded.hasErrors || loaded.modules.isEmpty == loaded.invalidModules.isEmpty
        || !loaded.modules.isEmpty, "\(note)")
  }

  /// The length of each line in characters.
  private static func lengths(_ bytes: [UInt8]) -> [Int] {
    var lengths = [0]
    var previous: Unicode.Scalar?
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\n" where previous == "\r": break
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": lengths.append(0)
      default: lengths[lengths.count - 1] += 1
      }
      previous = scalar
    }
    return lengths
  }

  @Test func `every file of the corpus gets an answer in every place`() throws {
    let target = try Target()
    for (name, bytes) in try Self.corpus() {
      for role in Role.allCases {
        let loaded = try target.load(bytes, as: role)
        check(loaded, bytes, role, "\(name) as \(role)")
        #expect(try target.load(bytes, as: role).lines == loaded.lines, "\(name) as \(role)")
        try target.restore(role)
      }
    }
  }

  @Test func `no damage keeps the loader from an answer, and no answer tells a secret`() throws {
    let settings = ProcessInfo.processInfo.environment
    let seconds = settings["ORGLOOP_FUZZ_SECONDS"].flatMap(Int64.init)
    let seed = settings["ORGLOOP_FUZZ_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0...(.max))
    let target = try Target()
    print("fuzzing the loader: ORGLOOP_FUZZ_SEED=\(seed), in \(target.project.root)")
    let end = ContinuousClock.now + .seconds(seconds ?? 3)
    var mutator = Mutator(corpus: try Self.corpus().map(\.bytes), seed: seed)
    var count = 0
    var slowest = Duration.zero
    while ContinuousClock.now < end || count < 100 {
      let bytes = mutator.next()
      let role = Role.allCases[count % Role.allCases.count]
      var answer: LoadedProject?
      slowest = max(slowest, try threadTime { answer = try target.load(bytes, as: role) })
      let loaded = try #require(answer)
      let note =
        "seed \(seed), input \(count) as \(role): \(String(decoding: bytes, as: UTF8.self))"
      check(loaded, bytes, role, note)
      if count.isMultiple(of: 10) {
        #expect(try target.load(bytes, as: role).lines == loaded.lines, "\(note)")
      }
      try target.restore(role)
      count += 1
    }
    print("\(count) inputs, the slowest took \(slowest)")
    #expect(slowest < .seconds(60), "seed \(seed)")
  }
}
