/// A pattern for one name: `*` any run, `?` one character, `[a-z]` one of them, `\` as it is.
///
/// The C library's own matcher can take exponential time for a pattern with many stars; this one
/// never goes back further than to the last star.
struct GlobPattern {
  private enum Item {
    case any
    case one
    case character(Character)
    case set([ClosedRange<Character>], isNegated: Bool)
  }

  private let items: [Item]

  init(_ text: some StringProtocol) {
    var items: [Item] = []
    var rest = Substring(text)
    while let next = rest.popFirst() {
      switch next {
      case "*": items.append(.any)
      case "?": items.append(.one)
      case "\\": items.append(.character(rest.popFirst() ?? next))
      case "[": items.append(GlobPattern.set(&rest) ?? .character(next))
      default: items.append(.character(next))
      }
    }
    self.items = items
  }

  /// What stands in brackets; nil, with nothing taken, when they do not close.
  private static func set(_ rest: inout Substring) -> Item? {
    var inner = rest
    let isNegated = inner.first == "!" || inner.first == "^"
    if isNegated { inner.removeFirst() }
    var ranges: [ClosedRange<Character>] = []
    while let low = inner.popFirst() {
      if low == "]", !ranges.isEmpty {
        rest = inner
        return .set(ranges, isNegated: isNegated)
      }
      if inner.first == "-", let high = inner.dropFirst().first, high != "]" {
        inner.removeFirst(2)
        if low <= high { ranges.append(low...high) }
      } else {
        ranges.append(low...low)
      }
    }
    return nil
  }

  func matches(_ name: String) -> Bool {
    let name = Array(name)
    var (item, place) = (0, 0)
    var star: (item: Int, place: Int)?
    while place < name.count {
      if item < items.count, case .any = items[item] {
        star = (item, place)
        item += 1
      } else if item < items.count, GlobPattern.fits(items[item], name[place]) {
        item += 1
        place += 1
      } else if let last = star {
        star = (last.item, last.place + 1)
        (item, place) = (last.item + 1, last.place + 1)
      } else {
        return false
      }
    }
    return items[item...].allSatisfy { if case .any = $0 { true } else { false } }
  }

  private static func fits(_ item: Item, _ character: Character) -> Bool {
    switch item {
    case .any, .one: true
    case .character(let other): other == character
    case .set(let ranges, let isNegated):
      ranges.contains { $0.contains(character) } != isNegated
    }
  }
}
