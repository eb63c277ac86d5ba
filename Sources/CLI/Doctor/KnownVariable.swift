/// What is known of variables that projects often use (connectors.md 6).
struct KnownVariable: Sendable {
  let summary: String
  let helpURL: String?

  static let all: [String: KnownVariable] = [
    "GITHUB_TOKEN": KnownVariable(
      summary: "GitHub token with repo scope",
      helpURL: "https://github.com/settings/tokens/new?scopes=repo"),
    "GITHUB_REPO": KnownVariable(summary: "repository, owner/name", helpURL: nil),
    "LINEAR_API_KEY": KnownVariable(
      summary: "personal Linear API key", helpURL: "https://linear.app/settings/api"),
    "LINEAR_TEAM_KEY": KnownVariable(summary: "team key, such as ENG", helpURL: nil),
    "OPENCLAW_WEBHOOK_TOKEN": KnownVariable(
      summary: "token of the OpenClaw hook", helpURL: "https://openclaw.com/docs/webhooks"),
    "OPENCLAW_AGENT_ID": KnownVariable(summary: "agent to address", helpURL: nil),
    "SLACK_WEBHOOK_URL": KnownVariable(summary: "Slack incoming webhook", helpURL: nil),
    "PAGERDUTY_WEBHOOK_URL": KnownVariable(summary: "PagerDuty integration URL", helpURL: nil),
  ]
}
