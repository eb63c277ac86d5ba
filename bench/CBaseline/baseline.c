#include "baseline.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BEGIN, COMMIT, EVENT, QUEUE, RUNNING, END, ATTEMPT, DEQUEUE, SETTLED, COUNT };

static const char *const texts[COUNT] = {
  "BEGIN IMMEDIATE",
  "COMMIT",
  "INSERT INTO events (sequence, accepted_at_ms, source, type, generation, deliveries, provenance,"
  " payload) VALUES (?1, ?2, 1, 0, 1, 1, '{\"platform\":\"bench\"}', ?3)",
  "INSERT INTO queue (lane, delivery, route, generation) VALUES (1, ?1, 1, 1)",
  "INSERT INTO running (delivery, lane, number, started_at_ms, generation)"
  " VALUES (?1, 1, 1, ?2, 1)",
  "DELETE FROM running WHERE delivery = ?1",
  "INSERT INTO attempts (delivery, number, started_at_ms, ended_at_ms, outcome, generation)"
  " VALUES (?1, 1, ?2, ?2, 'delivered', 1)",
  "DELETE FROM queue WHERE lane = 1 AND delivery = ?1",
  "INSERT INTO settled (delivery, lane, route, generation, state, attempts, settled_at_ms)"
  " VALUES (?1, 1, 1, 1, 'delivered', 1, ?2)",
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(sqlite3_stmt *s) {
  int code = sqlite3_step(s);
  sqlite3_reset(s);
  return code == SQLITE_DONE ? 0 : code;
}

static int pages;
static int hook(void *context, sqlite3 *db, const char *name, int count) {
  (void)context, (void)db, (void)name;
  pages = count;
  return SQLITE_OK;
}

static int whole_life(sqlite3_stmt **s, int64_t first, int batch, const char *payload) {
  int64_t ms = (int64_t)time(NULL) * 1000;
  int length = (int)strlen(payload);
  int bad = run(s[BEGIN]);
  for (int64_t n = first; n < first + batch && !bad; n++) {
    sqlite3_bind_int64(s[EVENT], 1, n);
    sqlite3_bind_int64(s[EVENT], 2, ms);
    sqlite3_bind_text(s[EVENT], 3, payload, length, SQLITE_STATIC);
    sqlite3_bind_int64(s[QUEUE], 1, n << 16);
    bad = run(s[EVENT]) || run(s[QUEUE]);
  }
  bad = bad || run(s[COMMIT]) || run(s[BEGIN]);
  for (int64_t n = first; n < first + batch && !bad; n++) {
    sqlite3_bind_int64(s[RUNNING], 1, n << 16);
    sqlite3_bind_int64(s[RUNNING], 2, ms);
    bad = run(s[RUNNING]);
  }
  bad = bad || run(s[COMMIT]) || run(s[BEGIN]);
  for (int64_t n = first; n < first + batch && !bad; n++) {
    for (int i = END; i <= SETTLED; i++) sqlite3_bind_int64(s[i], 1, n << 16);
    sqlite3_bind_int64(s[ATTEMPT], 2, ms);
    sqlite3_bind_int64(s[SETTLED], 2, ms);
    bad = run(s[END]) || run(s[ATTEMPT]) || run(s[DEQUEUE]) || run(s[SETTLED]);
  }
  return bad || run(s[COMMIT]);
}

double orgloop_baseline(const char *path, int64_t events, int batch, const char *payload) {
  sqlite3 *db;
  if (sqlite3_open(path, &db) != SQLITE_OK) return -SQLITE_CANTOPEN;
  sqlite3_exec(db,
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA cache_size = -16384; PRAGMA temp_store = 2; PRAGMA journal_size_limit = 67108864",
    NULL, NULL, NULL);
  sqlite3_wal_hook(db, hook, NULL);
  sqlite3_stmt *s[COUNT];
  for (int i = 0; i < COUNT; i++) {
    if (sqlite3_prepare_v2(db, texts[i], -1, &s[i], NULL) != SQLITE_OK) {
      fprintf(stderr, "%s\n", sqlite3_errmsg(db));
      return -SQLITE_ERROR;
    }
  }
  int bad = 0;
  double start = now();
  for (int64_t done = 0; done < events && !bad; done += batch) {
    bad = whole_life(s, done + 1, batch, payload);
    if (pages >= 4000) {
      sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
      pages = 0;
    }
  }
  double seconds = now() - start;
  for (int i = 0; i < COUNT; i++) sqlite3_finalize(s[i]);
  sqlite3_close(db);
  return bad ? -SQLITE_ERROR : seconds;
}
