#pragma once
#include <sqlite3.h>

/* SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift cannot import. */
static inline int orgloop_bind_text(sqlite3_stmt *s, int i, const char *t, int n) {
  return sqlite3_bind_text(s, i, t, n, SQLITE_TRANSIENT);
}
static inline int orgloop_bind_blob(sqlite3_stmt *s, int i, const void *b, int n) {
  return sqlite3_bind_blob(s, i, b, n, SQLITE_TRANSIENT);
}
/* The bytes are lent until the next step and reset: the caller keeps them alive. */
static inline int orgloop_bind_text_static(sqlite3_stmt *s, int i, const char *t, int n) {
  return sqlite3_bind_text(s, i, t, n, SQLITE_STATIC);
}
static inline int orgloop_bind_blob_static(sqlite3_stmt *s, int i, const void *b, int n) {
  return sqlite3_bind_blob(s, i, b, n, SQLITE_STATIC);
}
/* sqlite3_db_config is variadic, which Swift cannot call. */
static inline int orgloop_db_config_int(sqlite3 *db, int op, int value) {
  int out = 0;
  return sqlite3_db_config(db, op, value, &out);
}
