import Engine

/// Events as the connectors make them (connectors.md 2), to begin with.
///
/// They have no id, timestamp and trace: each acceptance gives them new ones.
enum EventSample {
  /// In the order of the help.
  static let names = ["github", "linear", "claude-code", "webhook", "cron"]

  /// - Parameter source: Of the project, where it has one of that kind.
  /// - Returns: Nil for a name that is none.
  static func make(_ name: String, source: String? = nil) -> JSONValue? {
    guard let (type, provenance, payload) = parts(name) else { return nil }
    return [
      "source": .string(source ?? name), "type": .string(type.rawValue),
      "provenance": provenance, "payload": payload,
    ]
  }

  private static func parts(_ name: String) -> (EventType, JSONValue, JSONValue)? {
    switch name {
    case "github": (.resourceChanged, githubProvenance, githubPayload)
    case "linear": (.resourceChanged, linearProvenance, linearPayload)
    case "claude-code": (.actorStopped, sessionProvenance, sessionPayload)
    case "webhook":
      (
        .resourceChanged, ["platform": "webhook", "platform_event": "order.created"],
        ["type": "order.created", "id": "4711", "total": 99, "customer": ["name": "Dana"]]
      )
    case "cron":
      (
        .resourceChanged,
        [
          "platform": "cron", "platform_event": "schedule.daily", "author_type": "system",
          "scheduled_at": "2026-03-04T06:00:00.000Z",
        ], ["schedule": "daily"]
      )
    default: nil
    }
  }

  private static let githubProvenance: JSONValue = [
    "platform": "github", "platform_event": "issue_comment", "author": "dana",
    "author_type": "team_member", "resource_id": "issue-comment-2001", "pr_author": "kim",
    "labels": ["bug"], "repo": "acme/api", "pr_number": 12, "pr_state": "open",
    "pr_merged": false, "url": "https://github.com/acme/api/pull/12#issuecomment-2001",
    "occurred_at": "2026-03-04T05:06:07Z",
  ]

  private static let githubPayload: JSONValue = [
    "action": "issue_comment", "comment_body": "Please rebase.", "issue_title": "Mend the login",
    "issue_number": 12, "is_pull_request": true,
  ]

  private static let linearProvenance: JSONValue = [
    "platform": "linear", "platform_event": "issue.state_changed", "author": "Dana",
    "author_type": "team_member", "issue_id": "ENG-42", "state": "In Review",
    "issue_assignee": "Kim", "url": "https://linear.app/acme/issue/ENG-42",
  ]

  private static let linearPayload: JSONValue = [
    "action": "state_changed", "issue_id": "ENG-42", "issue_title": "Mend the login",
    "previous_state": "In Progress", "new_state": "In Review",
  ]

  private static let sessionProvenance: JSONValue = [
    "platform": "claude-code", "platform_event": "session.completed", "author": "claude-code",
    "author_type": "bot", "session_id": "sess-1", "working_directory": "/home/dana/api",
  ]

  private static let sessionPayload: JSONValue = [
    "lifecycle": [
      "phase": "completed", "terminal": true, "outcome": "success", "reason": "exit_code_0",
      "dedupe_key": "claude-code:sess-1:completed",
    ],
    "session": [
      "id": "sess-1", "adapter": "claude-code", "harness": "claude-code",
      "cwd": "/home/dana/api", "ended_at": "2026-03-04T05:06:07.000Z", "exit_status": 0,
    ],
    "session_id": "sess-1", "working_directory": "/home/dana/api", "duration_seconds": 312,
    "exit_status": 0, "summary": "The login is mended.", "transcript_path": "",
  ]
}
