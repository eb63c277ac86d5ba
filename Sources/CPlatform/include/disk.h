#pragma once
#include <stddef.h>
#include <stdint.h>

/* The few system calls that Swift cannot see or should not make itself. */

/* Names the calling thread in debuggers and `top -H`; at most 15 characters. */
void orgloop_thread_name(const char *name);

/* The type of the file system that holds a path, as statfs(2) gives it; -1 with errno set. */
int64_t orgloop_filesystem_type(const char *path);

/* Bytes that an unprivileged process may still write where the path lies, and the size of that
   file system; -1 with errno set. */
int orgloop_free_space(const char *path, uint64_t *free_bytes, uint64_t *total_bytes);

/* Opens and locks a file for this process alone, waiting for nobody.
   Returns the descriptor, -1 with errno set; EWOULDBLOCK when another process holds it. */
int orgloop_lock_file(const char *path);

/* Gives the lock back and closes the file. Closing alone would leave the lock with a child that has
   been forked and is not yet another program. */
void orgloop_unlock_file(int fd);

/* fsync of a directory, so that names in it are on the disk. 0, or -1 with errno set. */
int orgloop_sync_directory(const char *path);

/* rename(2), but an existing file at the new path is an error, EEXIST, and stays. 0, or -1 with
   errno set. */
int orgloop_rename_new(const char *from, const char *to);
