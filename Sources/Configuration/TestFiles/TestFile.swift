package import Engine

/// A file of `tests/`: cases, each an event or several and what should become of them.
package struct TestFile: Sendable {
  /// Relative to the project root where it lies below it, else absolute.
  package var path: String
  /// The cases without an error, in the order of the file.
  package var cases: [TestCase]
  /// What is wrong with the others.
  package var diagnostics: [Diagnostic]

  package var hasErrors: Bool { diagnostics.contains { $0.level == .error } }
}

/// One case of a ``TestFile``.
package struct TestCase: Sendable {
  package var name: String
  package var origin: Origin
  package var setting: Setting
  /// By the names of transforms.
  package var mocks: [String: RehearsalMock]
  package var steps: [Step]

  /// What the configuration is loaded with; cases that have the same share one load.
  package struct Setting: Sendable, Hashable {
    /// Variables that lie over the environment.
    package var variables: [String: String] = [:]
    /// By module, then by name: they lie over what the manifest gives.
    package var parameters: [String: [String: LoadOptions.Parameter]] = [:]

    package init() {}
  }

  /// One event of a case.
  package struct Step: Sendable {
    package var event: JSONObject
    /// Nil for the envelope's, or the only one with such a source.
    package var module: String?
    package var origin: Origin
    /// Nil where nothing is expected of this one.
    package var expectation: RehearsalExpectation?
  }
}

extension ConfigurationLoader {
  /// The test files of a project, absolute and in byte order: `tests/*.yaml` beside its
  /// configuration, then those beside its modules', in the order of the modules.
  package func testFiles(of project: LoadedProject) -> [String] {
    var roots = [project.projectRoot]
    for module in project.modules where !roots.contains(module.root) { roots.append(module.root) }
    return roots.flatMap { root in
      testFiles(in: root + "/tests")
    }
  }

  /// Those of one directory. What turns out to be no file is among them, and so is a directory that
  /// cannot be read, so that it is told instead of being left out.
  package func testFiles(in directory: String) -> [String] {
    do {
      return try FileAccess.names(in: directory).filter(FilePath.isYAML)
        .map { directory + "/" + $0 }
    } catch {
      return error.reason == .notAFile ? [] : [directory]
    }
  }

  /// Reads a test file; nothing in it can make this throw or trap.
  ///
  /// - Parameters:
  ///   - path: Relative to the working directory, or absolute.
  ///   - project: What its names are looked up in.
  package func readTests(_ path: String, of project: LoadedProject) -> TestFile {
    let session = session()
    session.projectRoot = project.projectRoot
    let path = FilePath.resolve(path, in: session.workingDirectory, home: session.home)
    var reader = TestFileReader(session, project)
    return reader.read(FileAccess.resolved(path) ?? path)
  }
}
