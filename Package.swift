// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors where everything is checked (`.ci/run`), and only warnings where somebody
/// is in the middle of a change.
let strictness: [SwiftSetting] =
  Context.environment["ORGLOOP_WARNINGS_ARE_ERRORS"] == nil
  ? [] : [.treatAllWarnings(as: .error)]

/// What every target of ours is compiled with: the language as it will be, with imports and
/// existentials spelled out.
let settings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + strictness

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
  name: "orgloop",
  products: [
    .executable(name: "orgloop", targets: ["CLI"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    // System libraries and the few C calls that Swift cannot make or should not make itself.
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .target(name: "CPlatform"),

    .target(
      name: "Migrations",
      path: "Migrations",
      resources: [
        .embedInCode("0001_events.sql"),
        .embedInCode("0002_deliveries.sql"),
        .embedInCode("0003_runtime.sql"),
        .embedInCode("0004_event_views.sql"),
        .embedInCode("0005_delivery_views.sql"),
        .embedInCode("0006_runtime_views.sql"),
        .embedInCode("0007_modules.sql"),
        .embedInCode("0008_module_views.sql"),
        .embedInCode("0009_breakers.sql"),
        .embedInCode("0010_replays.sql"),
        .embedInCode("0011_guard.sql"),
        .embedInCode("0012_retention.sql"),
        .embedInCode("0013_history.sql"),
        .embedInCode("0014_selections.sql"),
        .embedInCode("0015_supervisor.sql"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Invariants",
      resources: [
        .embedInCode("attempts_numbered.sql"),
        .embedInCode("belongs_to_event.sql"),
        .embedInCode("cause_is_older.sql"),
        .embedInCode("dedup_keys_found.sql"),
        .embedInCode("delivered_once.sql"),
        .embedInCode("delivered_was_answered.sql"),
        .embedInCode("deliveries_complete.sql"),
        .embedInCode("delivery_has_route.sql"),
        .embedInCode("duplicates_have_time.sql"),
        .embedInCode("event_has_origin.sql"),
        .embedInCode("event_numbers_fit.sql"),
        .embedInCode("external_ids_found.sql"),
        .embedInCode("generation_of_module.sql"),
        .embedInCode("inbox_has_delivery.sql"),
        .embedInCode("json_is_json.sql"),
        .embedInCode("key_was_delivered.sql"),
        .embedInCode("matched_or_not.sql"),
        .embedInCode("migrations_recorded.sql"),
        .embedInCode("non_matches_named.sql"),
        .embedInCode("one_delivery_per_route.sql"),
        .embedInCode("one_node.sql"),
        .embedInCode("order_key_runs_alone.sql"),
        .embedInCode("queued_attempts_counted.sql"),
        .embedInCode("references_lead_somewhere.sql"),
        .embedInCode("replayed_once.sql"),
        .embedInCode("route_has_lane.sql"),
        .embedInCode("running_is_next.sql"),
        .embedInCode("running_is_queued.sql"),
        .embedInCode("settled_attempts_counted.sql"),
        .embedInCode("settled_has_reason.sql"),
        .embedInCode("settled_not_queued.sql"),
        .embedInCode("source_counted_events.sql"),
        .embedInCode("waiting_has_reason.sql"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Store",
      dependencies: ["CSQLite", "CPlatform", "Invariants", "Migrations"],
      swiftSettings: settings
    ),
    .target(
      name: "Engine",
      dependencies: [
        "Invariants", "Store", "CPCRE2",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
        logging, lifecycle,
      ],
      swiftSettings: settings
    ),
    // Not "Configuration": swift-configuration, which Hummingbird depends on, has that name, and
    // target names are unique across the whole package graph.
    .target(
      name: "ProjectConfiguration",
      dependencies: [
        "Engine", "Yams",
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/Configuration",
      swiftSettings: settings
    ),
    .target(
      name: "Connectors",
      dependencies: [
        "Engine", "CPlatform",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        logging,
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Server",
      dependencies: [
        "Engine",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        logging, lifecycle,
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "CLI",
      dependencies: [
        "ProjectConfiguration", "Connectors", "Engine", "Server", "CPlatform",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        logging, lifecycle,
      ],
      swiftSettings: settings
    ),

    // Measurements; bench/README.md. A target of this package, so that it sees `package` symbols.
    .target(name: "CBaseline", dependencies: ["CSQLite"], path: "bench/CBaseline"),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "CBaseline", "Connectors", "Engine", "Server", "Store",
        .product(name: "Hummingbird", package: "hummingbird"),
        logging,
      ],
      path: "bench/Benchmarks", swiftSettings: settings),

    // Tests. What several of them use is in TestSupport.
    .target(
      name: "TestSupport", dependencies: ["CFaultVFS", "Engine", "Invariants", "Store"],
      path: "Tests/TestSupport", swiftSettings: settings),
    // A SQLite VFS that fails, tears writes and counts calls when told to, and tells what it does;
    // for tests only.
    .target(
      name: "CFaultVFS", dependencies: ["CSQLite"], path: "Tests/CFaultVFS"),
    .testTarget(
      name: "StoreTests", dependencies: ["Store", "CSQLite", "Invariants", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "EngineTests", dependencies: ["Engine", "Store", "TestSupport"],
      swiftSettings: settings),
    // Crashes and power cuts at every write and sync of a recorded run; Tests/ProofTests/README.md.
    .testTarget(
      name: "ProofTests", dependencies: ["Engine", "Store", "TestSupport"],
      exclude: ["README.md"], swiftSettings: settings),
    .testTarget(
      name: "ConfigurationTests", dependencies: ["ProjectConfiguration", "Engine", "TestSupport"],
      exclude: ["Corpus"], swiftSettings: settings),
    .testTarget(
      name: "ConnectorsTests",
      dependencies: [
        "Connectors", "Engine", "TestSupport",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "Server", "Engine", "TestSupport",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings),
    // The rules of our own house, checked on the sources' text.
    .testTarget(name: "TidyTests", swiftSettings: settings),
    // The built binary, as a user runs it.
    .testTarget(
      name: "CLITests",
      dependencies: [
        "CLI", "TestSupport",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
