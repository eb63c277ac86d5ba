#pragma once

/*
 * A disk that fails on demand: a SQLite VFS around the system's own.
 *
 * Each disk is registered under a name of its own, counts the calls that change a file or make one
 * durable, and can be told to fail the Nth of them. Reads, locks and shared memory pass through, so
 * a write-ahead log works as on a real disk.
 *
 * All that a disk decides is decided in one function, `judge` in fault_vfs.c, which sees every
 * counted call before the real disk does. What the real disk then did is told to an observer, from
 * which Tests/ProofTests rebuilds what a crash would have left at every moment.
 */

typedef struct orgloop_fault_disk orgloop_fault_disk;

/* What is counted. `other` is any file that is neither the database nor its log. */
enum {
  ORGLOOP_FAULT_WRITE_DATABASE,
  ORGLOOP_FAULT_WRITE_LOG,
  ORGLOOP_FAULT_WRITE_OTHER,
  ORGLOOP_FAULT_SYNC_DATABASE,
  ORGLOOP_FAULT_SYNC_LOG,
  ORGLOOP_FAULT_SYNC_OTHER,
  ORGLOOP_FAULT_TRUNCATE,
  ORGLOOP_FAULT_OPEN,
  ORGLOOP_FAULT_DELETE,
  ORGLOOP_FAULT_CALL_KINDS
};

/* How a call fails. */
enum {
  /* The SQLITE_IOERR_… of the call, SQLITE_CANTOPEN for an open. */
  ORGLOOP_FAULT_IOERR,
  ORGLOOP_FAULT_FULL,
  ORGLOOP_FAULT_BUSY,
  /* Half of the bytes are written, then SQLITE_IOERR_WRITE; other calls fail as with IOERR. */
  ORGLOOP_FAULT_SHORT_WRITE
};

/* What the real disk has done. */
enum {
  /* A file of that name is there, empty if it was not there before. */
  ORGLOOP_CHANGE_OPEN,
  ORGLOOP_CHANGE_WRITE,
  /* `offset` is the new length. */
  ORGLOOP_CHANGE_TRUNCATE,
  ORGLOOP_CHANGE_SYNC,
  ORGLOOP_CHANGE_DELETE,
  /* All names of the directory are durable. */
  ORGLOOP_CHANGE_SYNC_DIRECTORY
};

typedef struct orgloop_fault_change {
  int kind;
  const char *path;
  const void *bytes;
  int count;
  long long offset;
} orgloop_fault_change;

/* Called by whichever thread made the change, right after it; nothing in it outlives the call. */
typedef void (*orgloop_fault_observer)(void *context, const orgloop_fault_change *change);

/* Registers a disk; null when the name is taken or memory is short. */
orgloop_fault_disk *orgloop_fault_disk_create(const char *name);

/* Unregisters and frees a disk. No file may be open on it. */
void orgloop_fault_disk_destroy(orgloop_fault_disk *disk);

/* Tells an observer every change from now on. No file may be open on the disk. */
void orgloop_fault_disk_observe(
    orgloop_fault_disk *disk, orgloop_fault_observer observer, void *context);

/* Fails the Nth counted call from now on (1 is the next), and with `permanent` all after it. */
void orgloop_fault_disk_fail(orgloop_fault_disk *disk, long nth, int kind, int permanent);

/* Lets everything pass again. The counts go on. */
void orgloop_fault_disk_heal(orgloop_fault_disk *disk);

/* Calls of one kind since the disk was made. */
long orgloop_fault_disk_count(orgloop_fault_disk *disk, int call);

/* Calls of all kinds since the disk was made. */
long orgloop_fault_disk_total(orgloop_fault_disk *disk);

/* Calls that were made to fail since the disk was made. */
long orgloop_fault_disk_failures(orgloop_fault_disk *disk);
