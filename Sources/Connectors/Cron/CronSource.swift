package import Engine

/// Fires by the clock (connectors.md 2.9).
///
/// All its state is the checkpoint: an object of name to the time of the last scheduled run. A
/// schedule without an entry counts from when it was first seen.
package struct CronSource: TimerSource {
  private let schedules: [NamedSchedule]

  /// - Throws: ``ConfigProblem`` for what `check` refuses.
  package init(_ config: JSONObject) throws {
    schedules = try CronSettings.schedules(config)
  }

  /// 1 day: a last run that lies further in the future was written while the clock was wrong, and
  /// must not silence the schedule until then.
  private static let futureMsMax: Int64 = 86_400_000

  /// 1 min: a run that a sleeping machine is this late for was missed, for `misfire: skip`.
  private static let lateMsMax: Int64 = 60_000

  /// The earliest run of any schedule; in the past when one is overdue.
  package func nextFireMs(checkpoint: String?, nowMs: Int64) -> Int64? {
    let last = lastRuns(checkpoint, nowMs: nowMs)
    return schedules.compactMap { $0.schedule.next(afterMs: last[$0.name] ?? nowMs) }.min()
  }

  /// The events of all runs that are due, oldest first, and the time of each schedule's last run.
  package func fire(checkpoint: String?, nowMs: Int64, isActivation: Bool) -> PollResult {
    let last = lastRuns(checkpoint, nowMs: nowMs)
    var runs: [Run] = []
    var lines = JSONObject()
    for named in schedules {
      guard let lastMs = last[named.name] else {
        // Seen for the first time: nothing is due, and its time begins now.
        if checkpoint == nil, isActivation, named.runsOnStart {
          runs.append(Run(schedule: named, scheduledMs: nowMs, missed: 0))
        }
        lines[named.name] = .string(ISOTime.text(ms: nowMs))
        continue
      }
      let due = named.schedule.runs(
        afterMs: lastMs, untilMs: nowMs, limit: ConnectorLimits.missedRunsMax)
      runs += CronSource.chosen(due, of: named, nowMs: nowMs, isActivation: isActivation)
      lines[named.name] = .string(ISOTime.text(ms: due.last ?? lastMs))
    }
    let events = runs.sorted { $0.scheduledMs < $1.scheduledMs }.map(\.draft)
    return PollResult(events: events, checkpoint: JSONText(.object(lines)).description)
  }

  /// One firing that becomes an event.
  private struct Run {
    let schedule: NamedSchedule
    let scheduledMs: Int64
    /// How many runs before it are not made up for.
    let missed: Int

    var draft: EventDraft {
      let time = ISOTime.text(ms: scheduledMs)
      var provenance: JSONObject = [
        "platform": "cron", "platform_event": .string("schedule." + schedule.name),
        "author_type": "system", "scheduled_at": .string(time),
      ]
      if missed > 0 { provenance["missed"] = JSONValue(missed) }
      var payload: JSONObject = ["schedule": .string(schedule.name)]
      if case .every(let intervalMs) = schedule.schedule {
        payload["interval_ms"] = JSONValue(intervalMs)
      }
      for member in schedule.payload.members { payload[member.key] = member.value }
      return EventDraft(
        provenance: JSONText(.object(provenance)), payload: JSONText(.object(payload)),
        dedupKey: "\(schedule.name):\(time)")
    }
  }

  /// Which of the runs that are due become events.
  private static func chosen(
    _ due: [Int64], of named: NamedSchedule, nowMs: Int64, isActivation: Bool
  ) -> [Run] {
    guard let latest = due.last else { return [] }
    switch named.misfire {
    case .once:
      return [Run(schedule: named, scheduledMs: latest, missed: due.count - 1)]
    case .skip:
      let isMissed = isActivation || nowMs - latest > lateMsMax
      return isMissed ? [] : [Run(schedule: named, scheduledMs: latest, missed: 0)]
    case .all:
      let kept = due.suffix(ConnectorLimits.madeUpRunsMax)
      return kept.enumerated().map { index, time in
        Run(schedule: named, scheduledMs: time, missed: index == 0 ? due.count - kept.count : 0)
      }
    }
  }

  /// A checkpoint that cannot be read is as good as none: every schedule begins anew.
  private func lastRuns(_ checkpoint: String?, nowMs: Int64) -> [String: Int64] {
    guard let checkpoint, let text = try? JSONText(checking: Array(checkpoint.utf8)),
      let object = text.value().object
    else { return [:] }
    var runs: [String: Int64] = [:]
    for member in object.members {
      guard let ms = member.value.string.flatMap(ISOTime.ms) else { continue }
      runs[member.key] = ms > nowMs + CronSource.futureMsMax ? nowMs : ms
    }
    return runs
  }
}
