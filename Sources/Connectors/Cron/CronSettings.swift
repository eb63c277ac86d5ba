import Engine
import Foundation

/// One named schedule of a cron source.
struct NamedSchedule: Sendable {
  let name: String
  let schedule: Schedule
  let misfire: Misfire
  let runsOnStart: Bool
  let payload: JSONObject

  /// What happens with runs that were missed.
  enum Misfire: String, Sendable, CaseIterable { case once, skip, all }
}

/// The configuration of a cron source (connectors.md 2.9).
enum CronSettings {
  static let fields: [ConfigField] = [
    ConfigField(
      "schedules",
      .list(
        .object([
          ConfigField("name", .string, required: true, "Unique in this source."),
          ConfigField("cron", .string, required: true, "Five fields, every <duration>, or @daily."),
          ConfigField("payload", .map(.any), stored: true, "Laid over the event's payload."),
          timezone, misfire,
          ConfigField(
            "run_on_start", .boolean, default: false,
            "Fires at activation of a source that has no checkpoint."),
        ])), required: true, "What fires when."),
    timezone, misfire,
  ]

  private static let timezone = ConfigField(
    "timezone", .string, "IANA name; the runtime's zone by default.")
  private static let misfire = ConfigField(
    "misfire", .choice(NamedSchedule.Misfire.allCases.map(\.rawValue)),
    "What happens with missed runs: one event for all (once, the default), none, or each.")

  static func check(_ config: JSONObject) -> [ConfigProblem] { read(config).problems }

  /// - Throws: The first ``ConfigProblem``.
  static func schedules(_ config: JSONObject) throws(ConfigProblem) -> [NamedSchedule] {
    let (schedules, problems) = read(config)
    if let problem = problems.first { throw problem }
    return schedules
  }

  private static func read(
    _ config: JSONObject
  ) -> (schedules: [NamedSchedule], problems: [ConfigProblem]) {
    var schedules: [NamedSchedule] = []
    var problems: [ConfigProblem] = []
    let list = config["schedules"]?.array ?? []
    if list.isEmpty {
      problems.append(ConfigProblem(["schedules"], "at least one schedule is needed"))
    }
    for (index, value) in list.enumerated() {
      do throws(ConfigProblem) {
        let schedule = try schedule(value.object ?? [:], config, ["schedules", String(index)])
        if schedules.contains(where: { $0.name == schedule.name }) {
          throw ConfigProblem(
            ["schedules", String(index), "name"],
            "there are two schedules \"\(SafeText.escaped(schedule.name))\"")
        }
        schedules.append(schedule)
      } catch {
        problems.append(error)
      }
    }
    return (schedules, problems)
  }

  private static func schedule(
    _ entry: JSONObject, _ config: JSONObject, _ path: [String]
  ) throws(ConfigProblem) -> NamedSchedule {
    guard let name = entry.string("name"), !name.isEmpty else {
      throw ConfigProblem(path + ["name"], "a schedule needs a name")
    }
    guard let text = entry.string("cron") else {
      throw ConfigProblem(path + ["cron"], "a schedule needs cron")
    }
    let ownZone = try zone(entry, path)
    let commonZone = try zone(config, [])
    let zone = ownZone ?? commonZone ?? .current
    let schedule: Schedule
    do {
      schedule = try Schedule(text, zone: zone)
    } catch {
      throw ConfigProblem(path + ["cron"], error.message)
    }
    let misfire = entry.string("misfire") ?? config.string("misfire")
    return NamedSchedule(
      name: name, schedule: schedule,
      misfire: misfire.flatMap(NamedSchedule.Misfire.init(rawValue:)) ?? .once,
      runsOnStart: entry.bool("run_on_start") ?? false, payload: entry["payload"]?.object ?? [:])
  }

  private static func zone(
    _ object: JSONObject, _ path: [String]
  ) throws(ConfigProblem) -> TimeZone? {
    guard let name = object.string("timezone") else { return nil }
    guard let zone = TimeZone(identifier: name) else {
      throw ConfigProblem(
        path + ["timezone"],
        "\"\(SafeText.escaped(name, bytesMax: 60))\" is no time zone; write it like Europe/Berlin")
    }
    return zone
  }
}
