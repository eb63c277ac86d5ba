/// What `inspect` counts: the newest part of the log, never all of it.
extension SQL {
  /// The first and the last event. Served by both ends of the primary key.
  package static let eventRange = """
    SELECT
      (SELECT sequence FROM events ORDER BY sequence LIMIT 1),
      (SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1)
    """

  /// The first event from a number on, and its time. Served by the primary key.
  package static let eventFrom = """
    SELECT sequence, accepted_at_ms FROM events WHERE sequence >= ?1 ORDER BY sequence LIMIT 1
    """

  /// Events of a source from a number on: all, those from a second number on, the newest. Served by
  /// the primary key; the columns stand before the payload, so no page of that is read.
  package static let countSourceEvents = """
    SELECT count(*), coalesce(sum(sequence >= ?3), 0), max(sequence)
    FROM events WHERE sequence >= ?1 AND source = ?2
    """

  /// Whether more deliveries were settled from a number on than so many. Served by the primary key.
  package static let settledBeyond = """
    SELECT 1 FROM settled WHERE delivery >= ?1 ORDER BY delivery LIMIT 1 OFFSET ?2
    """

  /// Settled deliveries of a route, or of all routes to an actor, from a number on and at most so
  /// many rows back: by state all, those from a second number on, the newest. Served by the primary
  /// key.
  package static let countSettled = """
    SELECT s.state, count(*), coalesce(sum(s.delivery >= ?3), 0), max(s.delivery)
    FROM
      (
        SELECT delivery, route, state FROM settled
        WHERE delivery >= ?1 ORDER BY delivery DESC LIMIT ?2
      ) AS s
    WHERE s.route IN (SELECT value FROM json_each(?4))
    GROUP BY s.state
    """

  /// As ``countSettled``, of all routes: by route and state. Served by the primary key.
  package static let countSettledByRoute = """
    SELECT m.name, r.name, am.name, a.name, c.state, c.count
    FROM
      (
        SELECT s.route, s.state, count(*) AS count
        FROM
          (
            SELECT delivery, route, state FROM settled
            WHERE delivery >= ?1 ORDER BY delivery DESC LIMIT ?2
          ) AS s
        GROUP BY s.route, s.state
      ) AS c
    JOIN routes AS r ON r.key = c.route
    JOIN modules AS m ON m.key = r.module
    JOIN lanes AS a ON a.key = r.actor_lane
    JOIN modules AS am ON am.key = a.module
    """

  /// The number of a source. Served by the unique names.
  package static let sourceKey = """
    SELECT s.key FROM modules AS m JOIN sources AS s ON s.module = m.key
    WHERE m.name = ?1 AND s.id = ?2
    """

  /// The number of a route. Served by the unique names.
  package static let routeKey = """
    SELECT r.key FROM modules AS m JOIN routes AS r ON r.module = m.key
    WHERE m.name = ?1 AND r.name = ?2
    """

  /// Served by the unique names.
  package static let routeBreaker = """
    SELECT r.circuit_open_until_ms FROM modules AS m JOIN routes AS r ON r.module = m.key
    WHERE m.name = ?1 AND r.name = ?2
    """

  /// Served by the unique names.
  package static let actorBreaker = """
    SELECT l.circuit_open_until_ms FROM modules AS m JOIN lanes AS l ON l.module = m.key
    WHERE m.name = ?1 AND l.kind = 'actor' AND l.name = ?2
    """

  /// The numbers of all routes to an actor, of other modules too. One pass over the routes.
  package static let routesToActor = """
    SELECT r.key
    FROM modules AS m
    JOIN lanes AS l ON l.module = m.key AND l.kind = 'actor' AND l.name = ?2
    JOIN routes AS r ON r.actor_lane = l.key
    WHERE m.name = ?1
    """
}
