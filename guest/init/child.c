/* Child processes: pipes or a PTY, a session of its own, and a report of how it ended.
   The agent itself never touches a file system: whatever may block is done in here. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "linux-abi.h"

enum { REPORT_FD = 3 };

/* The child's ends; -1 where it gets /dev/null. */
struct ends {
  int stdio[3];
  int report;
};

static void close_ends(struct ends *ends) {
  for (int i = 0; i < 3; i++)
    if (ends->stdio[i] >= 0) close(ends->stdio[i]);
  if (ends->report >= 0) close(ends->report);
}

/* Makes a pipe: our end non-blocking, the child's end as the child expects it. `ours` is 0 (we read) or 1 (we write). */
static bool make_pipe(int *ours_fd, int *theirs_fd, int ours) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return false;
  fcntl(fds[ours], F_SETFL, O_NONBLOCK);
  *ours_fd = fds[ours];
  *theirs_fd = fds[1 - ours];
  return true;
}

static bool make_terminal(struct channel *channel, const struct child_streams *streams, struct ends *ends) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (master < 0) return false;
  channel->terminal = channel->input_fd = channel->out[0].fd = master;
  int locked = 0;
  if (ioctl(master, TIOCSPTLCK, &locked) != 0) return false;
  ends->stdio[0] = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ends->stdio[0] < 0) return false;
  if (streams->rows || streams->columns) {
    struct winsize size = {.ws_row = streams->rows, .ws_col = streams->columns};
    ioctl(master, TIOCSWINSZ, &size);
  }
  return true;
}

static bool make_ends(struct channel *channel, const struct child_streams *streams, struct ends *ends) {
  if (!make_pipe(&channel->report_fd, &ends->report, 0)) return false;
  if (streams->terminal) return make_terminal(channel, streams, ends);
  if (streams->input && !make_pipe(&channel->input_fd, &ends->stdio[0], 1)) return false;
  if (streams->output && !make_pipe(&channel->out[0].fd, &ends->stdio[1], 0)) return false;
  if (streams->errors && !make_pipe(&channel->out[1].fd, &ends->stdio[2], 0)) return false;
  return true;
}

static void close_from(int first) {
  if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  for (int fd = first; fd < 4096; fd++) close(fd);
}

/* All descriptors are moved out of the way first, so that none is overwritten before its turn. */
static void take_descriptors(const struct ends *ends) {
  int moved[4];
  for (int i = 0; i < 4; i++) {
    int fd = i < 3 ? ends->stdio[i] : ends->report;
    if (fd < 0) fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    moved[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD, 16);
  }
  for (int i = 0; i < 4; i++)
    if (moved[i] >= 0) dup2(moved[i], i);
    else close(i);
  fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
  close_from(REPORT_FD + 1);
}

static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void in_child(const struct child_streams *streams, struct ends *ends, child_work *work, const void *request) {
  setsid();
  reset_signals();
  if (streams->terminal) {
    ends->stdio[1] = ends->stdio[2] = ends->stdio[0];
    ioctl(ends->stdio[0], TIOCSCTTY, 0);
  }
  take_descriptors(ends);
  umask(022);
  work(REPORT_FD, request);
  _exit(0);
}

pid_t child_start(struct channel *channel, const struct child_streams *streams, child_work *work, const void *request) {
  struct ends ends = {.stdio = {-1, -1, -1}, .report = -1};
  pid_t pid = make_ends(channel, streams, &ends) ? fork() : -1;
  if (pid == 0) in_child(streams, &ends, work, request);
  int error = errno;
  close_ends(&ends);
  errno = error;
  return pid;
}

static void report_end(int report, uint8_t kind, uint8_t stage, int32_t value, const void *rest, size_t size) {
  struct queue payload = {0};
  if (put_u8(&payload, kind) && put_u8(&payload, stage) && put_u16(&payload, 0) && put_u32(&payload, value) &&
      put_bytes(&payload, rest, size))
    write_all(report, queue_front(&payload), payload.length);
}

void report_failed(int report, enum stage stage, int error, const char *what) {
  char text[512];
  const char *reason = strerror(error);
  size_t what_length = strnlen(what, sizeof text - 200);
  memcpy(text, what, what_length);
  memcpy(text + what_length, ": ", 2);
  size_t reason_length = strnlen(reason, 190);
  memcpy(text + what_length + 2, reason, reason_length);
  report_end(report, END_FAILED, stage, error, text, what_length + 2 + reason_length);
  _exit(127);
}

void report_done(int report, const void *result, size_t size) {
  report_end(report, END_DONE, 0, 0, result, size);
  _exit(0);
}
