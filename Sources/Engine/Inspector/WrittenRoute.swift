import Store

/// A route as the stored configuration of a generation writes it.
struct WrittenRoute {
  let isEnabled: Bool
  /// What it listens to; nil where a variable says it.
  let sources: [Source]?

  struct Source {
    /// As it was written, with parameters put in.
    let text: String
    /// Such a name may be one of the boot project's (config.md 10.3).
    let isFromParameter: Bool
  }

  /// Looks a route up in the documents of a generation (`documents.content`).
  init?(_ name: String, in documents: JSONText) {
    let values = WrittenValues(documents)
    let files = documents.value()["documents"]?.object?.members ?? []
    let routes = files.flatMap { $0.value["routes"]?.array ?? [] }
    guard
      let route = routes.first(where: { route in
        route["name"].flatMap(values.filled)?.string == name
      })
    else { return nil }
    isEnabled = route["enabled"].flatMap(values.filled)?.bool ?? true
    let written: [JSONValue] =
      switch route["when"]?["source"] {
      case .array(let list)?: list
      case let one?: [one]
      case nil: []
      }
    let sources = written.compactMap { value -> Source? in
      guard let text = values.filled(value)?.string, !text.contains("${") else { return nil }
      return Source(text: text, isFromParameter: value.string?.contains("{{") ?? false)
    }
    self.sources = sources.count == written.count && !sources.isEmpty ? sources : nil
  }

  /// Whether it listens to a source.
  ///
  /// - Parameters:
  ///   - owner: The module of the route.
  ///   - names: What the source's module is called: its name, its alias.
  func listens(to source: String, of names: [String], owner: String) -> Bool? {
    sources.map { sources in
      sources.contains { written in
        guard let colon = written.text.firstIndex(of: ":") else {
          return written.text == source && (names.contains(owner) || written.isFromParameter)
        }
        return written.text[written.text.index(after: colon)...] == source
          && names.contains(String(written.text[..<colon]))
      }
    }
  }
}

/// Why an event has no record of a route that somebody asks for.
struct RouteVerdict {
  enum Word: String {
    /// The module had no such route.
    case absent
    case disabled
    case otherSource = "other_source"
    /// It did not match; the record has no room for it.
    case notRecorded = "not_recorded"
    /// It listens to the source and was not asked.
    case notAtWork = "not_at_work"
    case unknown
  }

  let module: String
  let word: Word
  let text: String

  /// Nothing is known of the route in any module if `namesakes` is empty.
  static func all(
    _ route: String, _ event: JourneyEventHead, _ namesakes: [RouteNamesake]
  ) -> [RouteVerdict] {
    let verdicts = namesakes.map { RouteVerdict(route, event, $0) }
    let telling = verdicts.filter { $0.word != .absent }
    return telling.isEmpty ? verdicts : telling
  }

  private init(_ route: String, _ event: JourneyEventHead, _ namesake: RouteNamesake) {
    module = namesake.module
    let name = "route \(route) of module \(namesake.module)"
    guard let generation = namesake.generation, let documents = namesake.documents else {
      word = .absent
      text = "module \(namesake.module) had no configuration yet"
      return
    }
    guard let written = WrittenRoute(route, in: JSONText(checked: documents)) else {
      word = .absent
      text = "there was no \(name) then (generation @\(generation))"
      return
    }
    guard written.isEnabled else {
      word = .disabled
      text = "\(name) was switched off then: enabled: false in generation @\(generation)"
      return
    }
    let names = [event.module, event.moduleAlias].compactMap(\.self)
    switch written.listens(to: event.source, of: names, owner: namesake.module) {
    case nil:
      word = .unknown
      text = "\(name): what it listened to is not in the stored configuration"
    case false?:
      word = .otherSource
      let sources = (written.sources ?? []).map(\.text).joined(separator: ", ")
      text = "\(name) listened to \(sources), not to \(event.source) (generation @\(generation))"
    case true? where event.nonMatchesMore > 0:
      word = .notRecorded
      text =
        "\(name) did not match; why is not recorded: an event keeps the first "
        + "\(Limits.nonMatchesMax) routes that did not match, and there were "
        + "\(event.nonMatchesMore) more"
    case true?:
      word = .notAtWork
      text = "\(name) was not at work then: it is in the configuration (generation @\(generation))"
    }
  }

  var json: JSONValue {
    ["module": .string(module), "verdict": .string(word.rawValue), "text": .string(text)]
  }
}
