package import Engine

/// The variables that a project's values refer to: what `orgloop env` shows, never with a value
/// (cli-http.md 2.1).
package struct VariableReport: Sendable {
  package struct Entry: Sendable {
    package let name: String
    /// Where the value comes from; nil when a place that needs one has none.
    package let source: VariableUse.Source?
    /// In the order of reading; at least one.
    package let places: [Origin]
    /// What is written after `:-`; `***` where it may be a credential.
    package let defaultText: String?
    /// Every place can do without it.
    package let isOptional: Bool

    package var isSet: Bool { source != nil }
    package var isMissing: Bool { !isSet && !isOptional }
  }

  /// By name.
  package let entries: [Entry]

  package init(_ project: LoadedProject) {
    entries = Dictionary(grouping: project.variables, by: \.name)
      .map { name, uses in Entry(name, uses) }
      .sorted { $0.name < $1.name }
  }

  package var missing: [Entry] { entries.filter(\.isMissing) }

  package var json: JSONValue {
    [
      "variables": .object(
        JSONObject(entries.map { JSONObject.Member(key: $0.name, value: $0.json) })),
      "set": JSONValue(entries.count(where: \.isSet)), "missing": JSONValue(missing.count),
    ]
  }
}

extension VariableReport.Entry {
  /// - Parameter uses: All of that name.
  fileprivate init(_ name: String, _ uses: [VariableUse]) {
    self.name = name
    // Each module has its own `.env`, so one may have what another one lacks.
    let unset = uses.filter { $0.source == .unset }
    source = unset.isEmpty ? uses.first?.source : nil
    isOptional = !unset.isEmpty && unset.allSatisfy(\.isOptional)
    let first = unset + uses
    places = first.reduce(into: []) { places, use in
      if !places.contains(use.origin) { places.append(use.origin) }
    }
    let isHidden = Redaction.isCredential(variable: name) || uses.contains(where: \.isCredential)
    defaultText = uses.compactMap(\.defaultText).first.map { text in
      isHidden && !text.isEmpty ? "***" : text
    }
  }

  fileprivate var json: JSONValue {
    var object: JSONObject = ["set": .bool(isSet)]
    let place = places.first
    object["source"] = JSONValue(place?.file)
    object["line"] = place.map { JSONValue($0.line) } ?? .null
    object["column"] = place.map { JSONValue($0.column) } ?? .null
    object["origin"] = source.map { .string($0.rawValue) }
    object["default"] = defaultText.map(JSONValue.string)
    if isOptional { object["optional"] = true }
    object["places"] = .array(places.map { .string("\($0)") })
    return .object(object)
  }
}
