#pragma once

#include <sys/types.h>

/// Starts `program argument` in a session of its own with a pipe on its standard input and nothing
/// else inherited, and gives the pipe's write end, which is close-on-exec and never blocks.
///
/// Returns the process id, or a negative errno.
pid_t orgloop_start_reaper(const char *program, const char *argument, int *write_end);

/// Limits a child that has just been started: `open_files` descriptors (0 = unchanged) and, with
/// `no_core`, no core dump. Returns 0 or an errno.
int orgloop_limit_child(pid_t pid, unsigned int open_files, int no_core);

/// Gives pages of the heap that hold nothing any more back to the system. Does nothing where the
/// C library cannot.
void orgloop_give_memory_back(void);
