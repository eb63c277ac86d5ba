import Engine

/// Filters (config.md 6.3) as JSON Schema: what `FilterReader` reads.
enum FilterSchema {
  static let definitions: [(String, JSONValue)] = [
    ("filter", filter), ("conditions", conditions), ("condition", condition),
    ("operators", operators), ("scalar", scalar),
  ]

  private static let scalar: JSONValue = ["type": ["string", "number", "boolean", "null"]]

  private static let path: JSONValue = ["pattern": .string(SchemaPattern.filterPath)]

  private static let filter: JSONValue = [
    "description": "Dot paths and conditions; all of them must hold.",
    "type": "object",
    "properties": [
      "$or": [
        "description": "Maps of conditions, of which one must hold besides.",
        "type": "array", "minItems": 1, "items": ["$ref": "#/$defs/conditions"],
      ]
    ],
    "propertyNames": path,
    "additionalProperties": ["$ref": "#/$defs/condition"],
  ]

  private static let conditions: JSONValue = [
    "type": "object", "properties": ["$or": false], "propertyNames": path,
    "additionalProperties": ["$ref": "#/$defs/condition"],
  ]

  private static let condition: JSONValue = [
    "anyOf": [
      ["$ref": "#/$defs/scalar"], ["$ref": "#/$defs/operators"],
      [
        "type": "array", "minItems": 1,
        "items": ["anyOf": [["$ref": "#/$defs/scalar"], ["$ref": "#/$defs/operators"]]],
      ],
    ]
  ]

  private static let text: JSONValue = ["type": "string"]

  private static let affix: JSONValue = [
    "anyOf": [
      text,
      [
        "type": "object", "properties": ["equals-ignore-case": text],
        "required": ["equals-ignore-case"], "additionalProperties": false,
      ],
    ]
  ]

  private static func oneOrMore(_ schema: JSONValue) -> JSONValue {
    ["anyOf": [schema, ["type": "array", "items": schema]]]
  }

  private static let anythingBut: JSONValue = [
    "description": "The value is there, and none of these.",
    "anyOf": [
      ["$ref": "#/$defs/scalar"],
      ["type": "array", "minItems": 1, "items": ["$ref": "#/$defs/scalar"]],
      [
        "type": "object", "minProperties": 1, "additionalProperties": false,
        "properties": [
          "prefix": oneOrMore(affix), "suffix": oneOrMore(affix), "wildcard": oneOrMore(text),
          "equals-ignore-case": oneOrMore(text),
        ],
      ],
    ],
  ]

  private static let numeric: JSONValue = [
    "description": "Bounds such as [\">\", 0, \"<=\", 5].",
    "type": "array", "minItems": 2,
    "items": [
      "anyOf": [
        ["enum": ["=", "!=", "<", "<=", ">", ">="]], ["type": "number"],
        SchemaScalar.substitution,
      ]
    ],
  ]

  private static let cidr: JSONValue = [
    "description": "Address blocks such as 10.0.0.0/8.",
    "anyOf": [text, ["type": "array", "minItems": 1, "items": text]],
  ]

  private static let operators: JSONValue = [
    "type": "object", "minProperties": 1, "additionalProperties": false,
    "properties": [
      "prefix": affix, "suffix": affix, "equals-ignore-case": text,
      "wildcard": [
        "description": "* is any run of characters, \\\\* a star.", "type": "string",
      ],
      "regex": ["description": "/pattern/flags, or a bare pattern.", "type": "string"],
      "anything-but": anythingBut, "numeric": numeric,
      "exists": .object(SchemaScalar.orSubstitution(["type": "boolean"])), "cidr": cidr,
    ],
  ]
}
