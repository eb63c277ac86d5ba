/// Bytes that should be UTF-8.
enum UTF8Text {
  /// How many bytes are well before the first that are not; nil when all are.
  static func faultOffset(_ bytes: some Sequence<UInt8>) -> Int? {
    var bytes = bytes.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var offset = 0
    while true {
      switch parser.parseScalar(from: &bytes) {
      case .valid(let scalar): offset += scalar.count
      case .emptyInput: return nil
      case .error: return offset
      }
    }
  }
}
