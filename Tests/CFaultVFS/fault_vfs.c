#include "fault_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct orgloop_fault_disk {
  sqlite3_vfs vfs;
  sqlite3_vfs *real;
  char *name;
  /* Guards everything below: a store's writer and readers call from threads of their own. */
  pthread_mutex_t mutex;
  long counts[ORGLOOP_FAULT_CALL_KINDS];
  long total;
  long failures;
  /* The first call that fails, as a value of `total`; 0 for none. */
  long fail_at;
  int kind;
  int permanent;
  /* Set before any file is opened, so that it can be read without the mutex. */
  orgloop_fault_observer observer;
  void *observer_context;
};

/* The real file follows in the same allocation, as SQLite makes room for `szOsFile` bytes. */
typedef struct fault_file {
  sqlite3_file base;
  orgloop_fault_disk *disk;
  /* SQLite keeps it until xClose. */
  const char *path;
  int write_call;
  int sync_call;
  /* The next sync is to sync the directory as well. */
  int syncs_directory;
} fault_file;

#define DISK(vfs_) ((orgloop_fault_disk *)(vfs_)->pAppData)
#define REAL(file_) ((sqlite3_file *)((fault_file *)(file_) + 1))

enum verdict { PASS, FAIL, FAIL_HALF_WAY };

/* Counts a call and says what becomes of it; `code` is what it returns when it fails. */
static enum verdict judge(orgloop_fault_disk *disk, int call, int *code) {
  enum verdict verdict = PASS;
  pthread_mutex_lock(&disk->mutex);
  disk->counts[call] += 1;
  disk->total += 1;
  int is_due = disk->fail_at > 0 && (disk->permanent ? disk->total >= disk->fail_at
                                                      : disk->total == disk->fail_at);
  if (is_due) {
    disk->failures += 1;
    verdict = FAIL;
    if (disk->kind == ORGLOOP_FAULT_FULL) *code = SQLITE_FULL;
    if (disk->kind == ORGLOOP_FAULT_BUSY) *code = SQLITE_BUSY;
    if (disk->kind == ORGLOOP_FAULT_SHORT_WRITE) verdict = FAIL_HALF_WAY;
  }
  pthread_mutex_unlock(&disk->mutex);
  return verdict;
}

/* Tells the observer what the real disk has done. */
static void report(orgloop_fault_disk *disk, orgloop_fault_change change) {
  if (disk->observer) disk->observer(disk->observer_context, &change);
}

/* Files: what changes them or makes them durable is judged. */

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  int code = SQLITE_IOERR_WRITE;
  enum verdict verdict = judge(((fault_file *)file)->disk, ((fault_file *)file)->write_call, &code);
  if (verdict == FAIL) return code;
  if (verdict == FAIL_HALF_WAY) count /= 2;
  int result = REAL(file)->pMethods->xWrite(REAL(file), bytes, count, offset);
  if (result == SQLITE_OK) {
    report(((fault_file *)file)->disk, (orgloop_fault_change){
      .kind = ORGLOOP_CHANGE_WRITE, .path = ((fault_file *)file)->path,
      .bytes = bytes, .count = count, .offset = offset});
  }
  return verdict == FAIL_HALF_WAY ? code : result;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int code = SQLITE_IOERR_TRUNCATE;
  if (judge(((fault_file *)file)->disk, ORGLOOP_FAULT_TRUNCATE, &code) != PASS) return code;
  int result = REAL(file)->pMethods->xTruncate(REAL(file), size);
  if (result == SQLITE_OK) {
    report(((fault_file *)file)->disk, (orgloop_fault_change){
      .kind = ORGLOOP_CHANGE_TRUNCATE, .path = ((fault_file *)file)->path, .offset = size});
  }
  return result;
}

static int file_sync(sqlite3_file *file, int flags) {
  int code = SQLITE_IOERR_FSYNC;
  fault_file *own = (fault_file *)file;
  if (judge(own->disk, own->sync_call, &code) != PASS) return code;
  int result = REAL(file)->pMethods->xSync(REAL(file), flags);
  if (result != SQLITE_OK) return result;
  report(own->disk, (orgloop_fault_change){.kind = ORGLOOP_CHANGE_SYNC, .path = own->path});
  if (own->syncs_directory) {
    own->syncs_directory = 0;
    report(own->disk, (orgloop_fault_change){
      .kind = ORGLOOP_CHANGE_SYNC_DIRECTORY, .path = own->path});
  }
  return result;
}

/* Files: the rest passes through. */

static int file_close(sqlite3_file *file) { return REAL(file)->pMethods->xClose(REAL(file)); }

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  return REAL(file)->pMethods->xRead(REAL(file), bytes, count, offset);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
  return REAL(file)->pMethods->xFileSize(REAL(file), size);
}

static int file_lock(sqlite3_file *file, int level) {
  return REAL(file)->pMethods->xLock(REAL(file), level);
}

static int file_unlock(sqlite3_file *file, int level) {
  return REAL(file)->pMethods->xUnlock(REAL(file), level);
}

static int file_check_lock(sqlite3_file *file, int *is_reserved) {
  return REAL(file)->pMethods->xCheckReservedLock(REAL(file), is_reserved);
}

static int file_control(sqlite3_file *file, int operation, void *argument) {
  return REAL(file)->pMethods->xFileControl(REAL(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file) {
  return REAL(file)->pMethods->xSectorSize(REAL(file));
}

static int file_characteristics(sqlite3_file *file) {
  return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}

static int file_shm_map(
    sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
  return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  return REAL(file)->pMethods->xShmLock(REAL(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file) { REAL(file)->pMethods->xShmBarrier(REAL(file)); }

static int file_shm_unmap(sqlite3_file *file, int delete_it) {
  return REAL(file)->pMethods->xShmUnmap(REAL(file), delete_it);
}

/* Version 2: without xFetch, because memory-mapped writes could not be judged. */
static const sqlite3_io_methods file_methods = {
  .iVersion = 2,
  .xClose = file_close,
  .xRead = file_read,
  .xWrite = file_write,
  .xTruncate = file_truncate,
  .xSync = file_sync,
  .xFileSize = file_size,
  .xLock = file_lock,
  .xUnlock = file_unlock,
  .xCheckReservedLock = file_check_lock,
  .xFileControl = file_control,
  .xSectorSize = file_sector_size,
  .xDeviceCharacteristics = file_characteristics,
  .xShmMap = file_shm_map,
  .xShmLock = file_shm_lock,
  .xShmBarrier = file_shm_barrier,
  .xShmUnmap = file_shm_unmap,
};

/* The disk. */

static int disk_open(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
  fault_file *own = (fault_file *)file;
  own->base.pMethods = 0;
  own->disk = DISK(vfs);
  own->path = path;
  /* As os_unix.c does: the first sync of a log or a journal that may be new also syncs the
   * directory, so that its name is as durable as its content. */
  own->syncs_directory = (flags & SQLITE_OPEN_CREATE)
    && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL));
  own->write_call = ORGLOOP_FAULT_WRITE_OTHER;
  own->sync_call = ORGLOOP_FAULT_SYNC_OTHER;
  if (flags & SQLITE_OPEN_MAIN_DB) {
    own->write_call = ORGLOOP_FAULT_WRITE_DATABASE;
    own->sync_call = ORGLOOP_FAULT_SYNC_DATABASE;
  } else if (flags & SQLITE_OPEN_WAL) {
    own->write_call = ORGLOOP_FAULT_WRITE_LOG;
    own->sync_call = ORGLOOP_FAULT_SYNC_LOG;
  }
  int code = SQLITE_CANTOPEN;
  if (judge(own->disk, ORGLOOP_FAULT_OPEN, &code) != PASS) return code;
  int result = own->disk->real->xOpen(own->disk->real, path, REAL(file), flags, out_flags);
  /* SQLite calls xClose only when the methods are set. */
  if (REAL(file)->pMethods) own->base.pMethods = &file_methods;
  /* Temporary files have no name, and no part in what is left after a crash. */
  if (result == SQLITE_OK && path) {
    report(own->disk, (orgloop_fault_change){.kind = ORGLOOP_CHANGE_OPEN, .path = path});
  }
  return result;
}

static int disk_delete(sqlite3_vfs *vfs, const char *path, int sync_directory) {
  int code = SQLITE_IOERR_DELETE;
  if (judge(DISK(vfs), ORGLOOP_FAULT_DELETE, &code) != PASS) return code;
  int result = DISK(vfs)->real->xDelete(DISK(vfs)->real, path, sync_directory);
  if (result != SQLITE_OK) return result;
  report(DISK(vfs), (orgloop_fault_change){.kind = ORGLOOP_CHANGE_DELETE, .path = path});
  if (sync_directory) {
    report(DISK(vfs), (orgloop_fault_change){
      .kind = ORGLOOP_CHANGE_SYNC_DIRECTORY, .path = path});
  }
  return result;
}

static int disk_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
  return DISK(vfs)->real->xAccess(DISK(vfs)->real, path, flags, result);
}

static int disk_full_path(sqlite3_vfs *vfs, const char *path, int size, char *full) {
  return DISK(vfs)->real->xFullPathname(DISK(vfs)->real, path, size, full);
}

static int disk_randomness(sqlite3_vfs *vfs, int count, char *bytes) {
  return DISK(vfs)->real->xRandomness(DISK(vfs)->real, count, bytes);
}

static int disk_sleep(sqlite3_vfs *vfs, int micros) {
  return DISK(vfs)->real->xSleep(DISK(vfs)->real, micros);
}

static int disk_time(sqlite3_vfs *vfs, double *time) {
  return DISK(vfs)->real->xCurrentTime(DISK(vfs)->real, time);
}

static int disk_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *time) {
  return DISK(vfs)->real->xCurrentTimeInt64(DISK(vfs)->real, time);
}

static int disk_last_error(sqlite3_vfs *vfs, int count, char *text) {
  return DISK(vfs)->real->xGetLastError(DISK(vfs)->real, count, text);
}

orgloop_fault_disk *orgloop_fault_disk_create(const char *name) {
  sqlite3_vfs *real = sqlite3_vfs_find(0);
  if (!real || sqlite3_vfs_find(name)) return 0;
  orgloop_fault_disk *disk = calloc(1, sizeof *disk);
  if (!disk) return 0;
  disk->name = strdup(name);
  if (!disk->name) {
    free(disk);
    return 0;
  }
  pthread_mutex_init(&disk->mutex, 0);
  disk->real = real;
  disk->vfs = (sqlite3_vfs){
    .iVersion = 2,
    .szOsFile = (int)sizeof(fault_file) + real->szOsFile,
    .mxPathname = real->mxPathname,
    .zName = disk->name,
    .pAppData = disk,
    .xOpen = disk_open,
    .xDelete = disk_delete,
    .xAccess = disk_access,
    .xFullPathname = disk_full_path,
    .xRandomness = disk_randomness,
    .xSleep = disk_sleep,
    .xCurrentTime = disk_time,
    .xGetLastError = disk_last_error,
    .xCurrentTimeInt64 = disk_time_ms,
  };
  if (sqlite3_vfs_register(&disk->vfs, 0) != SQLITE_OK) {
    pthread_mutex_destroy(&disk->mutex);
    free(disk->name);
    free(disk);
    return 0;
  }
  return disk;
}

void orgloop_fault_disk_destroy(orgloop_fault_disk *disk) {
  sqlite3_vfs_unregister(&disk->vfs);
  pthread_mutex_destroy(&disk->mutex);
  free(disk->name);
  free(disk);
}

void orgloop_fault_disk_observe(
    orgloop_fault_disk *disk, orgloop_fault_observer observer, void *context) {
  disk->observer = observer;
  disk->observer_context = context;
}

void orgloop_fault_disk_fail(orgloop_fault_disk *disk, long nth, int kind, int permanent) {
  pthread_mutex_lock(&disk->mutex);
  disk->fail_at = disk->total + nth;
  disk->kind = kind;
  disk->permanent = permanent;
  pthread_mutex_unlock(&disk->mutex);
}

void orgloop_fault_disk_heal(orgloop_fault_disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  disk->fail_at = 0;
  pthread_mutex_unlock(&disk->mutex);
}

static long read_number(orgloop_fault_disk *disk, const long *number) {
  pthread_mutex_lock(&disk->mutex);
  long value = *number;
  pthread_mutex_unlock(&disk->mutex);
  return value;
}

long orgloop_fault_disk_count(orgloop_fault_disk *disk, int call) {
  return read_number(disk, &disk->counts[call]);
}

long orgloop_fault_disk_total(orgloop_fault_disk *disk) { return read_number(disk, &disk->total); }

long orgloop_fault_disk_failures(orgloop_fault_disk *disk) {
  return read_number(disk, &disk->failures);
}
