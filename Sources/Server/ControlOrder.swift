/// What an operator can order by POST to `/control` (cli-http.md 3.4), named by its path.
enum ControlOrder: String, Sendable, CaseIterable {
  case load = "module/load"
  /// For older clients.
  case loadProject = "module/load-project"
  case unload = "module/unload"
  case reload = "module/reload"
  case plan
  case apply
  case rollback
  case pause
  case resume
  case selectWorkspace = "workspace/select"
  case shutdown

  /// - Parameter segments: Of the path, after `control`.
  init?(_ segments: ArraySlice<String>) { self.init(rawValue: segments.joined(separator: "/")) }
}
