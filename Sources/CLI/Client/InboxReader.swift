import Engine

/// Collects from the runtime when one answers, else from the database.
struct InboxReader: Sendable {
  let database: String

  func drain(_ key: String, module: String?, limit: Int) async throws -> JSONValue {
    var body: JSONObject = ["session_key": .string(key), "limit": JSONValue(limit)]
    body["module"] = module.map(JSONValue.string)
    return try await ask("drain", body) {
      try await $0.drain(key, module: module, limit: limit, requester: LetterDoor.user)
    }
  }

  func restore(_ batch: String) async throws -> JSONValue {
    try await ask("restore", ["batch": .string(batch)]) {
      try await $0.restore(batch, requester: LetterDoor.user)
    }
  }

  func sessions(module: String?) async throws -> [JSONValue] {
    try await RuntimeClient.withRuntime(of: database) { client -> [JSONValue] in
      guard let client else { return try await stored(nil, module: module) }
      let path = "/api/inbox/list" + URLText.query([("module", module)])
      return try await client.get(path).body["sessions"]?.array ?? []
    }
  }

  /// How much waits under a key.
  func pending(_ key: String, module: String?) async throws -> Int64 {
    try await RuntimeClient.withRuntime(of: database) { client -> Int64 in
      guard let client else {
        return try await stored(key, module: module)
          .reduce(0) { $0 + ($1["pending"]?.int64 ?? 0) }
      }
      let path =
        "/api/inbox/status" + URLText.query([("session_key", key), ("module", module)])
      return try await client.get(path).body["pending"]?.int64 ?? 0
    }
  }

  private func stored(_ key: String?, module: String?) async throws -> [JSONValue] {
    try RuntimeClient.refuseForbiddenSocket(of: database)
    return try await Database(path: database).read { try await $0.inbox(key, module: module) }
  }

  private func ask(
    _ path: String, _ body: JSONObject, _ offline: (InboxDesk) async throws -> JSONValue
  ) async throws -> JSONValue {
    try await RuntimeClient.withRuntime(of: database) { client -> JSONValue in
      guard let client else {
        try RuntimeClient.refuseForbiddenSocket(of: database)
        try Database(path: database).requireFile()
        do {
          return try await InboxDesk.withDatabase(database, offline)
        } catch {
          throw Failure(error)
        }
      }
      return try await client.post("/api/inbox/" + path, JSONText(.object(body)).bytes).body
    }
  }
}
