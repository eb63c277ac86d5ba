/// A cron expression of five fields: minute, hour, day of month, month, day of week.
///
/// All five must match, day of month *and* day of week (connectors.md 2.9); classic cron joins the
/// two days with "or". Works on the wall's clock face only; ``LocalCalendar`` knows time zones.
package struct CronExpression: Sendable, Hashable {
  private let minute: CronField
  private let hour: CronField
  private let day: CronField
  private let month: CronField
  private let weekday: CronField

  private static let nicknames = [
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
  ]

  /// - Throws: ``CronError`` saying which field is wrong and why.
  package init(_ text: String) throws(CronError) {
    let expanded = CronExpression.nicknames[text.lowercased()] ?? text
    let fields = expanded.split { $0 == " " || $0 == "\t" }
    guard fields.count == 5 else {
      throw CronError(
        "\"\(SafeText.escaped(text, bytesMax: 60))\" is neither five fields (minute hour "
          + "day-of-month month day-of-week), nor \"every <duration>\", nor @hourly, @daily, "
          + "@weekly, @monthly or @yearly")
    }
    minute = try CronField(fields[0], .minute)
    hour = try CronField(fields[1], .hour)
    day = try CronField(fields[2], .day)
    month = try CronField(fields[3], .month)
    weekday = try CronField(fields[4], .weekday)
    guard next(from: ClockFace(minutes: 0)) != nil else {
      throw CronError("no date ever matches day of month, month and day of week together")
    }
  }

  /// The first matching minute at or after `start`; nil when there is none.
  ///
  /// Steps by month, then day, then hour, then minute, so its cost does not depend on how far away
  /// the next match is.
  package func next(from start: ClockFace) -> ClockFace? {
    var (year, startMonth, startDay) = start.date
    let minuteOfDay = start.minuteOfDay
    if !hasTime(from: minuteOfDay) { (year, startMonth, startDay) = start.nextDate }
    let isSameDay = (year, startMonth, startDay) == start.date
    // 29 February on a given weekday comes at least every 40 years.
    for candidate in year...(year + 40) {
      var monthNumber = candidate == year ? startMonth : 1
      while let found = month.next(from: monthNumber) {
        let isFirst = candidate == year && found == startMonth
        if let foundDay = firstDay(candidate, found, from: isFirst ? startDay : 1) {
          let isStart = isSameDay && isFirst && foundDay == startDay
          return firstMinute(from: isStart ? minuteOfDay : 0).map {
            ClockFace(year: candidate, month: found, day: foundDay, minuteOfDay: $0)
          }
        }
        monthNumber = found + 1
      }
    }
    return nil
  }

  private func hasTime(from minuteOfDay: Int) -> Bool { firstMinute(from: minuteOfDay) != nil }

  private func firstMinute(from minuteOfDay: Int) -> Int? {
    let startHour = minuteOfDay / 60
    if hour.contains(startHour), let found = minute.next(from: minuteOfDay % 60), found < 60 {
      return startHour * 60 + found
    }
    guard let foundHour = hour.next(from: startHour + 1), let first = minute.next(from: 0) else {
      return nil
    }
    return foundHour * 60 + first
  }

  private func firstDay(_ year: Int, _ month: Int, from start: Int) -> Int? {
    let last = ClockFace.daysInMonth(year: year, month: month)
    var number = start
    while let found = day.next(from: number), found <= last {
      if weekday.contains(ClockFace.weekday(year: year, month: month, day: found)) { return found }
      number = found + 1
    }
    return nil
  }
}

/// A minute as a clock on the wall and a calendar beside it show it, without a time zone: minutes
/// since 1970-01-01 00:00 of that calendar.
package struct ClockFace: Sendable, Hashable, Comparable {
  /// Since 1970-01-01 00:00 on this calendar.
  package let minutes: Int64

  /// The face that many minutes after 1970-01-01 00:00.
  package init(minutes: Int64) { self.minutes = minutes }

  /// A date of the Gregorian calendar that exists, and 0...1439 minutes of it.
  package init(year: Int, month: Int, day: Int, minuteOfDay: Int) {
    minutes = ClockFace.days(year: year, month: month, day: day) * 1_440 + Int64(minuteOfDay)
  }

  /// Earlier on the calendar, whatever the moments are.
  package static func < (left: ClockFace, right: ClockFace) -> Bool {
    left.minutes < right.minutes
  }

  var minuteOfDay: Int { Int(minutes - daysSince1970 * 1_440) }

  var date: (year: Int, month: Int, day: Int) { ClockFace.date(daysSince1970) }

  var nextDate: (year: Int, month: Int, day: Int) { ClockFace.date(daysSince1970 + 1) }

  private var daysSince1970: Int64 {
    minutes >= 0 ? minutes / 1_440 : (minutes - 1_439) / 1_440
  }

  /// 0 = Sunday; 1970-01-01 was a Thursday.
  static func weekday(year: Int, month: Int, day: Int) -> Int {
    let days = days(year: year, month: month, day: day)
    return Int(((days + 4) % 7 + 7) % 7)
  }

  static func daysInMonth(year: Int, month: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: isLeap ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Source: <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>, for years
  /// after 0.
  private static func days(year: Int, month: Int, day: Int) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return Int64(era) * 146_097 + Int64(dayOfEra) - 719_468
  }

  /// Source: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
  private static func date(_ days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = Int(days) + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
      dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }
}
