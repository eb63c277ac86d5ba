import Engine

/// What a string must look like, as regular expressions that every dialect of JSON Schema knows.
///
/// They say what `Quantity`, `NameRule` and `DotPath` accept; a test holds them to it.
enum SchemaPattern {
  /// A scalar with a variable or a parameter in it may become anything.
  static let substitution = #"\$\{|\{\{ *params\."#

  private static let durationParts =
    "([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"

  static let duration = "^(?=.)" + durationParts

  /// A duration that is not nothing.
  static let someDuration = "^(?=.*[1-9])" + durationParts

  /// A duration of at least a second.
  static let longDuration =
    "^(?=.*([1-9][0-9]*(d|h|m(?!s)|s)|[1-9][0-9]{3,}ms))" + durationParts

  static let size = "^(?=.*[1-9])([0-9]+ ?|[0-9]+([.][0-9]*)? ?([bB]|[kKmMgG][iI]?[bB]))$"
  static let rate = "^(?=.*[1-9].*/)([0-9]+[.]?[0-9]*|[.][0-9]+)/[smhd]$"
  static let startLimit = "^[+]?0*[1-9][0-9]{0,9}/[smhd]$"
  private static let pathBeginning = #"^(?!\s)(?!.*(\{\{|\}\}))(?![^.]*\s$)"#
  private static let pathSegments = #"([.](\\.?|[^.\\])+)*$"#
  static let dotPath = pathBeginning + #"(\\.?|[^.\\])+"# + pathSegments
  /// A path that is known when an event comes in.
  static let filterPath =
    pathBeginning + #"(?!(event[.])?id([.]|$))(\\[^\s]?|[^.\\\s])+"# + pathSegments
  static let id = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
  static let name =
    #"^[^\u0000-\u0020\u007f-\u009f\u2028\u2029]"#
    + #"([^\u0000-\u001f\u007f-\u009f\u2028\u2029]*[^\u0000-\u0020\u007f-\u009f\u2028\u2029])?$"#
  static let url =
    #"^[hH][tT][tT][pP][sS]?://(\[|[^/?#@:\u0000-\u0020\u007f])[^/?#@\u0000-\u0020\u007f]*"#
    + #"([/?#][^\u0000-\u0020\u007f]*)?$"#
}

/// A schema of one scalar.
enum SchemaScalar {
  static let substitution: JSONValue = ["$ref": "#/$defs/substitution"]

  /// A string of that form, or one with a variable in it.
  static func text(_ pattern: String) -> JSONObject {
    orSubstitution(["type": "string", "pattern": .string(pattern)])
  }

  static func orSubstitution(_ others: JSONObject...) -> JSONObject {
    ["anyOf": .array(others.map(JSONValue.object) + [substitution])]
  }

  static func words(_ choices: [String]) -> JSONObject {
    orSubstitution(["enum": .array(choices.map(JSONValue.string))])
  }

  static func integer(_ range: ClosedRange<Int64>) -> JSONObject {
    var number: JSONObject = ["type": "integer", "minimum": JSONValue(range.lowerBound)]
    if range.upperBound != .max { number["maximum"] = JSONValue(range.upperBound) }
    return orSubstitution(number)
  }

  static func number(_ range: ClosedRange<Double>) -> JSONObject {
    var number: JSONObject = ["type": "number"]
    if range.lowerBound.isFinite { number["minimum"] = .number(JSONNumber(range.lowerBound)) }
    if range.upperBound.isFinite, range.upperBound != .greatestFiniteMagnitude {
      number["maximum"] = .number(JSONNumber(range.upperBound))
    }
    return orSubstitution(number)
  }

  static let size = orSubstitution(
    ["type": "integer", "minimum": 1],
    ["type": "string", "pattern": .string(SchemaPattern.size)])
}
