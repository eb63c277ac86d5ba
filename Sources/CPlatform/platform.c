#define _GNU_SOURCE
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <stdint.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// The environment of the reaper: it needs none, and gets no secret.
static char *const no_environment[] = {NULL};

static int add_actions(posix_spawn_file_actions_t *actions, int read_end) {
  int error = posix_spawn_file_actions_adddup2(actions, read_end, STDIN_FILENO);
  if (error == 0) {
    error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
  return error;
}

static int add_attributes(posix_spawnattr_t *attributes) {
  sigset_t none;
  sigemptyset(&none);
  int error = posix_spawnattr_setsigmask(attributes, &none);
  // A session of its own: a ^C at the terminal must not end it together with the engine.
  if (error == 0) {
    error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  }
  return error;
}

static void *wait_for(void *pid) {
  while (waitpid((pid_t)(intptr_t)pid, NULL, 0) < 0 && errno == EINTR) {
  }
  return NULL;
}

// Waits for the reaper on a thread of its own, so that it never stays a zombie: others who wait for
// any child, such as Swift Testing, would see it again and again and miss theirs. Without the thread
// nothing but that is lost.
static void collect(pid_t pid) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 4 * PTHREAD_STACK_MIN);
  pthread_create(&thread, &attributes, wait_for, (void *)(intptr_t)pid);
  pthread_attr_destroy(&attributes);
}

pid_t orgloop_start_reaper(const char *program, const char *argument, int *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -errno;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  char *const arguments[] = {(char *)program, (char *)argument, NULL};
  pid_t pid = 0;
  int error = add_actions(&actions, ends[0]);
  if (error == 0) error = add_attributes(&attributes);
  if (error == 0) {
    error = posix_spawn(&pid, program, &actions, &attributes, arguments, no_environment);
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[0]);
  if (error != 0) {
    close(ends[1]);
    return -error;
  }
  // A reaper that is stopped must not stop the engine when the pipe is full.
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  *write_end = ends[1];
  collect(pid);
  return pid;
}

static int limit(pid_t pid, enum __rlimit_resource resource, rlim_t value) {
  struct rlimit bound = {value, value};
  return prlimit(pid, resource, &bound, NULL) == 0 ? 0 : errno;
}

int orgloop_limit_child(pid_t pid, unsigned int open_files, int no_core) {
  int error = no_core ? limit(pid, RLIMIT_CORE, 0) : 0;
  if (error == 0 && open_files > 0) error = limit(pid, RLIMIT_NOFILE, open_files);
  return error;
}

void orgloop_give_memory_back(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
