#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#else
#include <sys/mount.h>
#endif

void orgloop_thread_name(const char *name) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), name);
#else
  pthread_setname_np(name);
#endif
}

int64_t orgloop_filesystem_type(const char *path) {
  struct statfs info;
  if (statfs(path, &info) != 0) return -1;
  return (int64_t)(uint32_t)info.f_type;
}

int orgloop_free_space(const char *path, uint64_t *free_bytes, uint64_t *total_bytes) {
  struct statvfs info;
  if (statvfs(path, &info) != 0) return -1;
  *free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
  *total_bytes = (uint64_t)info.f_blocks * info.f_frsize;
  return 0;
}

int orgloop_lock_file(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

void orgloop_unlock_file(int fd) {
  flock(fd, LOCK_UN);
  close(fd);
}

int orgloop_sync_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = fsync(fd);
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

int orgloop_rename_new(const char *from, const char *to) {
#ifdef __linux__
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  /* A file system that does not know the flag: a second name refuses an existing one as well. */
#endif
  if (link(from, to) != 0) return -1;
  return unlink(from);
}
