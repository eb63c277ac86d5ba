#pragma once
#include <stdint.h>

/* The life of `events` events straight on sqlite3, in a file whose schema is there already:
   per batch three transactions with FULL, as the engine makes them: accept (event and queue row),
   start (running row), settle (running row away, attempt row, queue row away, settled row).
   Returns the seconds it took, or a negative SQLite code. */
double orgloop_baseline(const char *path, int64_t events, int batch, const char *payload);
